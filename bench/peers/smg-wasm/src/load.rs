//! Callers that each make one request after another; and the first request of all.

use crate::smg::{manager, pass, request};
use crate::{Options, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};

/// Where callers wait. One thread: on two processors more of them only take time from the workers.
fn runtime() -> Result<Runtime> {
    Ok(Builder::new_multi_thread().worker_threads(1).enable_time().build()?)
}

fn report(name: &str, unit: &str, median: f64, p99: f64, samples: usize, better: &str) {
    println!(
        r#"{{"name":"{name}","unit":"{unit}","median":{median:.4},"p99":{p99:.4},"samples":{samples},"better":"{better}"}}"#
    );
}

/// Seconds that requests took, of those that began in the time that is measured.
pub fn rate(options: &Options, bytes: Arc<Vec<u8>>, callers: usize, seconds: f64) -> Result<()> {
    let manager = Arc::new(manager(&bytes, options.modules)?);
    let (measuring, stop) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let runtime = runtime()?;
    let (took, mut times) = runtime.block_on(async {
        let mut tasks = Vec::new();
        for _ in 0..callers {
            let (manager, measuring, stop) = (manager.clone(), measuring.clone(), stop.clone());
            let request = request(options.size);
            tasks.push(tokio::spawn(async move {
                let mut times = Vec::new();
                while !stop.load(Relaxed) {
                    let start = Instant::now();
                    pass(&manager, &request).await?;
                    if measuring.load(Relaxed) {
                        times.push(start.elapsed().as_secs_f64());
                    }
                }
                Ok::<_, String>(times)
            }));
        }
        // Each worker compiles for itself: that is over before anything is measured.
        for _ in 0..20 {
            tokio::time::sleep(Duration::from_millis(50)).await;
            pass(&manager, &request(options.size)).await?;
        }
        let start = Instant::now();
        measuring.store(true, Relaxed);
        tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
        measuring.store(false, Relaxed);
        let took = start.elapsed().as_secs_f64();
        stop.store(true, Relaxed);
        let mut times = Vec::new();
        for task in tasks {
            times.append(&mut task.await.map_err(|error| error.to_string())??);
        }
        Ok::<_, String>((took, times))
    })?;
    if times.is_empty() {
        return Err("no request was through in time".into());
    }
    times.sort_by(f64::total_cmp);
    let count = times.len();
    let per_second = count as f64 / took;
    report("smg.rate", "requests/s", per_second, per_second, 1, "higher");
    report("smg.latency", "us", times[count / 2] * 1e6, times[count * 99 / 100] * 1e6, count, "lower");
    Ok(())
}

/// The first request of a gateway that has just started: its engine, the module's code, its instance.
pub fn cold(options: &Options, bytes: Arc<Vec<u8>>, iterations: usize) -> Result<()> {
    let (runtime, request) = (runtime()?, request(options.size));
    let mut times = Vec::new();
    for _ in 0..iterations {
        let start = Instant::now();
        let manager = manager(&bytes, options.modules)?;
        runtime.block_on(pass(&manager, &request))?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    report("smg.cold", "ms", times[iterations / 2], times[iterations * 99 / 100], iterations, "lower");
    Ok(())
}
