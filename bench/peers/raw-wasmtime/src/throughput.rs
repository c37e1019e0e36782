//! Fresh instances and calls on several threads, each an executor that polls its share of the callers in turn.

use crate::call::{self, Call, Params, Results};
use crate::engine::{SLOTS, finish, link, pooled};
use crate::fresh::Guest;
use crate::measure::report_once;
use crate::{Options, with_call};
use rustix::time::{ClockId, clock_gettime};
use std::future::poll_fn;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};
use wasmtime::{Result, ensure};

/// Calls that a thread has finished; on a cache line of its own.
#[repr(align(64))]
#[derive(Default)]
struct Finished(AtomicU64);

fn total(finished: &[Finished]) -> u64 {
    finished.iter().map(|finished| finished.0.load(Relaxed)).sum()
}

/// Seconds of processor that this process has had.
fn cpu() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

/// Lets the executor's other callers have the thread.
async fn give_way() {
    let mut given = false;
    poll_fn(|_| if std::mem::replace(&mut given, true) { Poll::Ready(()) } else { Poll::Pending }).await
}

/// One caller: a call, then another. It comes back only with an error.
async fn caller<P: Params, R: Results>(guest: &Guest, call: &Call<P, R>, finished: &AtomicU64) -> Result<()> {
    loop {
        black_box(guest.call(call).await?);
        finished.fetch_add(1, Relaxed);
        give_way().await;
    }
}

/// Nobody waits for anything but the processor: callers are polled in turn, woken or not.
fn execute<P: Params, R: Results>(
    guest: &Guest,
    call: &Call<P, R>,
    callers: usize,
    finished: &Finished,
    stop: &AtomicBool,
) -> Result<()> {
    let mut callers: Vec<_> = (0..callers).map(|_| Box::pin(caller(guest, call, &finished.0))).collect();
    let mut context = Context::from_waker(Waker::noop());
    while !stop.load(Relaxed) {
        for caller in &mut callers {
            if let Poll::Ready(ended) = caller.as_mut().poll(&mut context) {
                return ended;
            }
        }
    }
    Ok(())
}

/// Calls a second, after a tenth of the time to warm up.
fn measure<P: Params, R: Results>(
    guest: &Guest,
    call: &Call<P, R>,
    threads: usize,
    callers: usize,
    length: Duration,
) -> Result<f64> {
    call.check(finish(guest.call(call))?)?;
    let finished: Vec<Finished> = (0..threads).map(|_| Finished::default()).collect();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let executors: Vec<_> = finished
            .iter()
            .enumerate()
            .map(|(i, finished)| {
                let share = callers / threads + usize::from(i < callers % threads);
                let stop = &stop;
                scope.spawn(move || execute(guest, call, share, finished, stop))
            })
            .collect();
        thread::sleep(length / 10);
        let (before, cpu_before, start) = (total(&finished), cpu(), Instant::now());
        thread::sleep(length);
        let took = start.elapsed().as_secs_f64();
        let rate = (total(&finished) - before) as f64 / took;
        let had = (cpu() - cpu_before) / took;
        if had < 0.95 * threads as f64 {
            eprintln!("raw-wasmtime: {threads} threads had {had:.2} processors: the figure is too low");
        }
        stop.store(true, Relaxed);
        for executor in executors {
            executor.join().expect("an executor panicked")?;
        }
        Ok(rate)
    })
}

pub fn run(
    options: &Options,
    bytes: &[u8],
    export: &str,
    threads: usize,
    callers: usize,
    seconds: usize,
) -> Result<()> {
    ensure!(threads <= callers, "{callers} callers are too few for {threads} threads");
    ensure!(callers <= SLOTS as usize, "{callers} callers are more than the pool's {SLOTS} slots");
    let pre = link(&pooled(options.metered, SLOTS)?, bytes)?;
    let (export, signature) = call::find(&pre, export)?;
    let guest = Guest { pre, export, metered: options.metered };
    let length = Duration::from_secs(seconds as u64);
    let rate = with_call!(signature, options.size, |call| measure(&guest, &call, threads, callers, length))?;
    report_once(&options.name("raw.throughput"), "calls/s", rate, "higher");
    Ok(())
}
