//! Where results go: stdout, or a file that is written whole or not at all.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::args::ColorWhen;

/// Where a command's result goes.
#[derive(Debug)]
pub(crate) struct Output {
    destination: Option<PathBuf>,
    color: ColorWhen,
}

impl Output {
    /// Goes to `destination`, or to stdout without one; `-` is stdout too.
    pub(crate) fn new(destination: Option<&Path>, color: ColorWhen) -> Self {
        let destination = destination.filter(|path| *path != Path::new("-")).map(Path::to_owned);
        Self { destination, color }
    }

    /// Whether the file that is asked for ends in `.ending`.
    pub(crate) fn ends_in(&self, ending: &str) -> bool {
        let found = self.destination.as_deref().and_then(Path::extension);
        found.is_some_and(|found| found.eq_ignore_ascii_case(ending))
    }

    /// Refuses to write over evidence.
    pub(crate) fn spare<'a>(&self, inputs: impl IntoIterator<Item = &'a Path>) -> Result<()> {
        let Some(destination) = &self.destination else { return Ok(()) };
        // A destination that is not there yet is no input.
        let Ok(ours) = fs::canonicalize(destination) else { return Ok(()) };
        for input in inputs {
            if fs::canonicalize(input).is_ok_and(|input| input == ours || is_same_file(&input, &ours)) {
                bail!(
                    "{} is an input and is not overwritten; give another file to -o",
                    destination.display()
                );
            }
        }
        Ok(())
    }

    /// Writes a result. Styles are dropped where nobody can see them.
    pub(crate) fn write(&self, text: &str) -> Result<()> {
        match &self.destination {
            None => self.to_stdout(text).or_else(quiet_when_broken).context("cannot write to stdout"),
            Some(path) => self.to_file(path, text).with_context(|| {
                format!("cannot write {}; is the folder there, and writable?", path.display())
            }),
        }
    }

    fn to_stdout(&self, text: &str) -> io::Result<()> {
        let choice = match self.color {
            ColorWhen::Auto => anstream::AutoStream::choice(&io::stdout()),
            ColorWhen::Always => anstream::ColorChoice::Always,
            ColorWhen::Never => anstream::ColorChoice::Never,
        };
        let mut stream = anstream::AutoStream::new(io::stdout().lock(), choice);
        stream.write_all(text.as_bytes())?;
        stream.flush()
    }

    fn to_file(&self, path: &Path, text: &str) -> io::Result<()> {
        let plain = anstream::adapter::strip_str(text).to_string();
        let text = if self.color == ColorWhen::Always { text } else { &plain };
        stream_to_file(path, |file| file.write_all(text.as_bytes()))
    }

    /// Hands `write` something to write to, with the same promises: a file is there whole or not at all.
    pub(crate) fn stream<T>(&self, write: impl FnOnce(&mut dyn Write) -> io::Result<T>) -> Result<Option<T>> {
        let mut answer = None;
        let keep = |to: &mut dyn Write| {
            let mut to = BufWriter::with_capacity(1 << 16, to);
            answer = Some(write(&mut to)?);
            to.flush()
        };
        match &self.destination {
            None => {
                keep(&mut io::stdout().lock())
                    .or_else(quiet_when_broken)
                    .context("cannot write to stdout")?;
            }
            Some(path) => stream_to_file(path, keep).with_context(|| {
                format!("cannot write {}; is the folder there, writable, with room left?", path.display())
            })?,
        }
        Ok(answer)
    }

    /// Lets `write` fill a folder with files: it is there whole or not at all, and what was there before is kept.
    pub(crate) fn folder(&self, write: impl FnOnce(&Path) -> io::Result<()>) -> Result<()> {
        let Some(destination) = &self.destination else {
            bail!("that is several files; give a folder to -o");
        };
        let is_taken = match fs::read_dir(destination) {
            Ok(mut found) => found.next().is_some(),
            Err(error) => error.kind() != io::ErrorKind::NotFound,
        };
        if is_taken {
            bail!("{} is there already; give a new or empty folder to -o", destination.display());
        }
        let fill = || -> io::Result<()> {
            let parent = destination.parent().filter(|parent| !parent.as_os_str().is_empty());
            let mut builder = tempfile::Builder::new();
            #[cfg(unix)]
            builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
            let folder = builder.tempdir_in(parent.unwrap_or(Path::new(".")))?;
            write(folder.path())?;
            File::open(folder.path())?.sync_all()?;
            fs::rename(folder.path(), destination)
        };
        fill().with_context(|| {
            format!("cannot write {}; is its folder there, writable, with room left?", destination.display())
        })
    }
}

/// Makes a file in a folder that is readable by its owner only, and lets `write` fill it.
pub(crate) fn file_in(
    folder: &Path,
    name: &str,
    write: impl FnOnce(&mut (dyn Write + Send)) -> io::Result<()>,
) -> io::Result<()> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = BufWriter::with_capacity(1 << 16, options.open(folder.join(name))?);
    write(&mut file)?;
    file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
}

fn stream_to_file(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    // What a link leads to is replaced, not the link.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if fs::metadata(&path).is_ok_and(|found| !found.is_file()) {
        // A device or a pipe cannot be replaced; a directory refuses by itself.
        return write(&mut File::options().write(true).open(&path)?).or_else(quiet_when_broken);
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Born with mode 0600, and stays so: reports hold what the process held.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    write(&mut file)?;
    file.as_file().sync_all()?;
    file.persist(&path).map_err(|error| error.error)?;
    Ok(())
}

/// A reader that had enough, such as `head`, is no error.
fn quiet_when_broken(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error) }
}

#[cfg(unix)]
fn is_same_file(a: &Path, b: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |path| fs::metadata(path).map(|found| (found.dev(), found.ino())).ok();
    identity(a).is_some() && identity(a) == identity(b)
}

#[cfg(not(unix))]
fn is_same_file(_: &Path, _: &Path) -> bool {
    false
}
