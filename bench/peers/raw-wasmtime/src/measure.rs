//! Samples and their lines, as bench/bench.c takes and prints them.

use std::time::Instant;
use wasmtime::Result;

/// Runs something so many times.
pub type Body<'a> = &'a mut dyn FnMut(usize) -> Result<()>;

/// Warms up, then takes `count` samples of `batch` runs of each in turn: seconds a run, sorted.
pub fn take_in_turn<const N: usize>(mut bodies: [Body; N], batch: usize, count: usize) -> Result<[Vec<f64>; N]> {
    let mut samples = [const { Vec::new() }; N];
    let warm = count / 10 + 1;
    for i in 0..warm + count {
        for (body, samples) in bodies.iter_mut().zip(&mut samples) {
            let start = Instant::now();
            body(batch)?;
            if i >= warm {
                samples.push(start.elapsed().as_secs_f64() / batch as f64);
            }
        }
    }
    for samples in &mut samples {
        samples.sort_by(f64::total_cmp);
    }
    Ok(samples)
}

/// A figure of many samples; `scale` makes seconds the unit.
pub fn report(name: &str, unit: &str, scale: f64, samples: &[f64]) {
    let count = samples.len();
    let (median, p99) = (samples[count / 2] * scale, samples[count * 99 / 100] * scale);
    println!(
        r#"{{"name":"{name}","unit":"{unit}","median":{median:.4},"p99":{p99:.4},"samples":{count},"better":"lower"}}"#
    );
}

/// A figure that was measured once.
pub fn report_once(name: &str, unit: &str, value: f64, better: &str) {
    println!(r#"{{"name":"{name}","unit":"{unit}","median":{value:.4},"samples":1,"better":"{better}"}}"#);
}
