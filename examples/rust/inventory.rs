//! Lists what lies in a folder and writes a report into another. Built by `npm run guests -- rust` into inventory.wasm.
use std::{env, fs, io, path::Path, time::Instant};

/// Files and bytes below a folder.
fn measure(folder: &Path) -> io::Result<(u64, u64)> {
    let (mut files, mut bytes) = (0, 0);
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let found = if entry.file_type()?.is_dir() { measure(&entry.path())? } else { (1, entry.metadata()?.len()) };
        files += found.0;
        bytes += found.1;
    }
    Ok((files, bytes))
}

fn main() -> io::Result<()> {
    let start = Instant::now();
    let hold = env::var("HOLD").unwrap_or_else(|_| "/hold".to_string());
    let mut folders: Vec<_> = fs::read_dir(&hold)?.collect::<io::Result<_>>()?;
    folders.sort_by_key(|entry| entry.file_name());
    let mut report = String::new();
    for folder in folders {
        let (files, bytes) = measure(&folder.path())?;
        report += &format!("{:16} {files:3} files {bytes:7} bytes\n", folder.file_name().to_string_lossy());
    }
    fs::write("/report/inventory.txt", &report)?;
    print!("{}", fs::read_to_string("/report/inventory.txt")?);
    println!("counted in {} ms", start.elapsed().as_millis());
    Ok(())
}
