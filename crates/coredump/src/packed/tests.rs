use std::io::{BufReader, Write};

use pycoroner_fixtures::Sequence;

use super::*;

const ALL: [Compression; 5] =
    [Compression::Zstd, Compression::Gzip, Compression::Lz4, Compression::Xz, Compression::Bzip2];

/// Text that packs, then bytes that do not, from a fixed sequence.
fn sample() -> Vec<u8> {
    let mut sequence = Sequence::new(0x9e37_79b9_7f4a_7c15);
    let mut content: Vec<u8> =
        (0..20_000).flat_map(|n| format!("row {n} of the table\n").into_bytes()).collect();
    content.extend((0..200_000).map(|_| sequence.number() as u8));
    content
}

fn pack(compression: Compression, content: &[u8]) -> Vec<u8> {
    match compression {
        Compression::Zstd => {
            ruzstd::encoding::compress_to_vec(content, ruzstd::encoding::CompressionLevel::Fastest)
        }
        Compression::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(content).unwrap();
            encoder.finish().unwrap()
        }
        Compression::Lz4 => {
            let size = lz4_flex::frame::BlockSize::Max64KB;
            let info = lz4_flex::frame::FrameInfo::new().content_checksum(true).block_size(size);
            let mut encoder = lz4_flex::frame::FrameEncoder::with_frame_info(info, Vec::new());
            encoder.write_all(content).unwrap();
            encoder.finish().unwrap()
        }
        Compression::Bzip2 => {
            // Blocks of 100 kB.
            let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
            encoder.write_all(content).unwrap();
            encoder.finish().unwrap()
        }
        Compression::Xz => {
            let options = lzma_rust2::XzOptions::with_preset(0);
            let mut encoder = lzma_rust2::XzWriter::new(Vec::new(), options).unwrap();
            encoder.write_all(content).unwrap();
            encoder.finish().unwrap()
        }
    }
}

/// What a stream gives, and the kind of error that it ends with; the reader's buffer is small to hit its borders.
fn unpack(packed: &[u8], compression: Compression) -> (Vec<u8>, Option<io::ErrorKind>) {
    let mut unpacker = Unpacker::new(BufReader::with_capacity(61, packed), compression);
    let mut content = Vec::new();
    let mut block = vec![0; 10_000];
    loop {
        match unpacker.read(&mut block) {
            Ok(0) => return (content, None),
            Ok(count) => content.extend_from_slice(&block[..count]),
            Err(error) => {
                assert!(unpacker.read(&mut block).is_err(), "an error that goes away");
                assert!(error.to_string().contains("offset"), "{error}");
                return (content, Some(error.kind()));
            }
        }
    }
}

fn skippable(len: usize) -> Vec<u8> {
    let mut frame = vec![0x5a, 0x2a, 0x4d, 0x18];
    frame.extend((len as u32).to_le_bytes());
    frame.resize(8 + len, 0xee);
    frame
}

#[test]
fn whole_streams_and_several_in_a_row() {
    let content = sample();
    for compression in ALL {
        let one = pack(compression, &content);
        assert_eq!(Compression::of(&one), Some(compression));
        assert!(unpack(&one, compression) == (content.clone(), None), "{compression}");
        let two = [one.clone(), pack(compression, b"and more"), pack(compression, b"")].concat();
        let expected = [&content[..], b"and more"].concat();
        assert!(unpack(&two, compression) == (expected, None), "{compression}, three in a row");
    }
}

#[test]
fn skippable_frames_and_padding_are_passed_over() {
    let content = sample();
    for compression in [Compression::Zstd, Compression::Lz4] {
        let frame = pack(compression, &content);
        let packed =
            [skippable(4), skippable(0), frame.clone(), skippable(70_000), frame, skippable(9)].concat();
        assert_eq!(Compression::of(&packed), Some(compression));
        assert!(unpack(&packed, compression) == (content.repeat(2), None), "{compression}");
        assert_eq!(unpack(&packed[..packed.len() - 1], compression).1, Some(io::ErrorKind::UnexpectedEof));
    }
    let stream = pack(Compression::Xz, &content);
    let padded = [stream.clone(), vec![0; 8], stream.clone(), vec![0; 4]].concat();
    assert!(unpack(&padded, Compression::Xz) == (content.repeat(2), None));
    let odd = [stream, vec![0; 3]].concat();
    assert!(unpack(&odd, Compression::Xz).1.is_some());
    assert_eq!(Compression::of(&skippable(9)), None);
    assert_eq!(Compression::of(&[0x5a, 0x2a, 0x4d, 0x18, 0xff, 0xff, 0xff, 0xff, 0]), None);
}

#[test]
fn a_cut_stream_gives_what_it_had_and_says_so() {
    let content = sample();
    for compression in ALL {
        let packed = pack(compression, &content);
        for percent in [2, 30, 60, 90, 99] {
            let cut = packed.len() * percent / 100;
            let (found, error) = unpack(&packed[..cut], compression);
            assert_eq!(error, Some(io::ErrorKind::UnexpectedEof), "{compression} at {percent} %");
            assert!(content.starts_with(&found), "{compression} at {percent} %");
            let floor = if percent >= 60 { content.len() / 4 } else { 0 };
            assert!(found.len() >= floor, "{compression} at {percent} %: {}", found.len());
        }
        assert_eq!(unpack(&packed[..packed.len() - 1], compression).1, Some(io::ErrorKind::UnexpectedEof));
    }
}

#[test]
fn damage_is_an_error_and_never_a_panic() {
    let content = sample();
    let mut state = 1_u64;
    let mut next = |bound: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % bound
    };
    for compression in ALL {
        let packed = pack(compression, &content);
        for _ in 0..60 {
            let mut damaged = packed.clone();
            let at = 20 + next(damaged.len() - 20);
            damaged[at] ^= 1 << next(8);
            let (found, error) = unpack(&damaged, compression);
            assert!(error.is_some() || found == content, "{compression}: a flip at {at} went unseen");
        }
        for _ in 0..60 {
            let mut damaged = packed.clone();
            for _ in 0..8 {
                let at = next(damaged.len().min(400));
                damaged[at] = next(256) as u8;
            }
            let _ = unpack(&damaged, compression);
        }
        let (found, error) = unpack(&[&packed[..], b"not a frame at all"].concat(), compression);
        assert!(found == content && error == Some(io::ErrorKind::InvalidData), "{compression}: {error:?}");
    }
}

#[test]
fn windows_that_are_too_large_are_refused_before_they_are_taken() {
    // No single segment, no checksum; window descriptor: exponent 31, that is 2 TiB.
    let zstd = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xf8, 1, 0, 0];
    assert!(matches!(
        unpack(&zstd, Compression::Zstd).1,
        Some(io::ErrorKind::OutOfMemory | io::ErrorKind::InvalidData)
    ));
    // 1 GiB: exponent 20.
    let zstd = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 20 << 3, 1, 0, 0];
    assert_eq!(unpack(&zstd, Compression::Zstd), (Vec::new(), Some(io::ErrorKind::OutOfMemory)));
    // The first block header stands at 12: its size, flags, then filter 0x21 with one byte of properties.
    let mut xz = pack(Compression::Xz, b"text");
    let end = 12 + (usize::from(xz[12]) + 1) * 4;
    let at = 12 + xz[12..end].windows(2).position(|pair| pair == [0x21, 1]).unwrap() + 2;
    xz[at] = 40;
    let mut crc = flate2::Crc::new();
    crc.update(&xz[12..end - 4]);
    xz[end - 4..end].copy_from_slice(&crc.sum().to_le_bytes());
    assert_eq!(unpack(&xz, Compression::Xz), (Vec::new(), Some(io::ErrorKind::OutOfMemory)));
}
