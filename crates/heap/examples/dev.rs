use pycoroner_coredump::*;
fn main() {
    let path = std::env::args().nth(1).unwrap();
    let file = CoreFile::open(path.as_ref(), UnpackLimits::default()).unwrap();
    let core = Core::parse(&file, pycoroner_findings::SourceId(1)).unwrap();
    let process = DeadProcess::new(core, &ModuleFinder::default());
    let runtime = PythonRuntime::attach(&process).unwrap();
    for (name, count, bytes) in pycoroner_heap::quick(&runtime).unwrap() {
        println!("{name} {count} {bytes}");
    }
}
