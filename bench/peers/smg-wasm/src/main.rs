//! The crate smg-wasm, called as its own gateway calls it: modules are registered with its manager, and each request is
//! shown to those that are attached to requests. Prints figures in the form of the other benchmarks, a JSON object a line.

mod load;
mod smg;

use std::process::ExitCode;

const USAGE: &str = "\
usage: smg-wasm rate FILE CALLERS SECONDS [--size BYTES] [--modules COUNT]
       smg-wasm cold FILE ITERATIONS [--size BYTES]

FILE is a component of the world smg:gateway/smg that lets the request pass (guests/gateway/auth.c)
--size     bytes of the request's body; 1024
--modules  modules that are registered, of which one is attached to requests; 1";

pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

pub struct Options {
    pub size: usize,
    pub modules: usize,
}

/// Takes the options out of the words; None if one is unknown.
fn options(words: &mut Vec<String>) -> Option<Options> {
    let mut options = Options { size: 1024, modules: 1 };
    let mut rest = std::mem::take(words).into_iter();
    while let Some(word) = rest.next() {
        match word.as_str() {
            "--size" => options.size = rest.next()?.parse().ok()?,
            "--modules" => options.modules = rest.next()?.parse().ok().filter(|count| *count > 0)?,
            word if word.starts_with('-') => return None,
            _ => words.push(word),
        }
    }
    Some(options)
}

/// None if the words make no command.
fn run(mut words: Vec<String>) -> Option<Result<()>> {
    let options = &options(&mut words)?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let go = |file: &str| smg::read(file);
    match words[..] {
        ["rate", file, callers, seconds] => {
            let (callers, seconds) = (callers.parse().ok().filter(|count| *count > 0)?, seconds.parse().ok()?);
            Some(go(file).and_then(|bytes| load::rate(options, bytes, callers, seconds)))
        }
        ["cold", file, iterations] => {
            let iterations = iterations.parse().ok().filter(|count| *count > 0)?;
            Some(go(file).and_then(|bytes| load::cold(options, bytes, iterations)))
        }
        _ => None,
    }
}

fn main() -> ExitCode {
    match run(std::env::args().skip(1).collect()) {
        Some(Ok(())) => ExitCode::SUCCESS,
        Some(Err(error)) => {
            eprintln!("smg-wasm: {error}");
            ExitCode::FAILURE
        }
        None => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}
