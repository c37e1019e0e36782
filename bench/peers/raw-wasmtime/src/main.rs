//! Wasmtime called from Rust, without Bulkhead and with its engine settings: what a host would write by hand.
//! Prints figures in the form of the other benchmarks, a JSON object a line.

mod call;
mod cold;
mod engine;
mod fresh;
mod idle;
mod measure;
mod throughput;
mod warm;

use std::process::ExitCode;
use wasmtime::error::Context;
use wasmtime::{Result, ensure};

const USAGE: &str = "\
usage: raw-wasmtime fresh FILE EXPORT ITERATIONS [--fuel] [--size BYTES]
       raw-wasmtime throughput FILE EXPORT THREADS CALLERS SECONDS [--fuel] [--size BYTES]
       raw-wasmtime warm FILE EXPORT s32|string|bytes [--async] [--fuel] [--size BYTES]
       raw-wasmtime idle FILE COUNT [--fuel]
       raw-wasmtime cold FILE EXPORT ITERATIONS [--fuel] [--size BYTES]

EXPORT is a function at the top level, of one of the types
  (s32, s32) -> s32, which must add; s32 -> s32, string -> string and list<u8> -> list<u8>, which must give back
--fuel   compile fuel in, and give each call 1,000,000
--async  call on a fiber
--size   bytes of a string or list; 1024";

#[derive(Default)]
pub struct Options {
    pub metered: bool,
    pub asynchronous: bool,
    pub size: usize,
}

impl Options {
    /// A figure's name, with how it was measured behind it.
    fn name(&self, what: &str) -> String {
        let asynchronous = if self.asynchronous { ".async" } else { "" };
        let unmetered = if self.metered { "" } else { ".unmetered" };
        format!("{what}{asynchronous}{unmetered}")
    }
}

/// A count, which is never 0.
fn count(word: &str) -> Result<usize> {
    let count = word.parse::<usize>().with_context(|| format!("{word}: not a number"))?;
    ensure!(count > 0, "0: too few");
    Ok(count)
}

/// Takes the options out of the words; None if one is unknown.
fn options(words: &mut Vec<String>) -> Option<Options> {
    let mut options = Options { size: 1024, ..Options::default() };
    let mut rest = std::mem::take(words).into_iter();
    while let Some(word) = rest.next() {
        match word.as_str() {
            "--fuel" => options.metered = true,
            "--async" => options.asynchronous = true,
            "--size" => options.size = rest.next()?.parse().ok()?,
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
    if options.asynchronous && words.first() != Some(&"warm") {
        return None;
    }
    let read = |path: &str| std::fs::read(path).with_context(|| path.to_string());
    let go = || match words[..] {
        ["fresh", file, export, iterations] => fresh::run(options, &read(file)?, export, count(iterations)?).map(Some),
        ["throughput", file, export, threads, callers, seconds] => {
            throughput::run(options, &read(file)?, export, count(threads)?, count(callers)?, count(seconds)?).map(Some)
        }
        ["warm", file, export, kind @ ("s32" | "string" | "bytes")] => {
            warm::run(options, &read(file)?, export, kind).map(Some)
        }
        ["idle", file, instances] => idle::run(options, &read(file)?, count(instances)?).map(Some),
        ["cold", file, export, iterations] => cold::run(options, &read(file)?, export, count(iterations)?).map(Some),
        _ => Ok(None),
    };
    go().transpose()
}

fn main() -> ExitCode {
    match run(std::env::args().skip(1).collect()) {
        Some(Ok(())) => ExitCode::SUCCESS,
        Some(Err(error)) => {
            eprintln!("raw-wasmtime: {error:#}");
            ExitCode::FAILURE
        }
        None => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}
