//! What live instances that do nothing cost: resident memory, and the time to make them all.

use crate::Options;
use crate::engine::{SLOTS, finish, link, pooled, store_async};
use crate::measure::report_once;
use std::time::Instant;
use wasmtime::component::{Instance, InstancePre};
use wasmtime::{Result, Store, format_err};

/// Bytes of this process that are in memory.
fn resident() -> Result<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm")?;
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    Ok(pages.ok_or_else(|| format_err!("/proc/self/statm reads {statm:?}"))? * rustix::param::page_size() as u64)
}

fn live(pre: &InstancePre<()>, metered: bool) -> Result<(Store<()>, Instance)> {
    let mut store = store_async(pre.engine(), metered)?;
    let instance = finish(pre.instantiate_async(&mut store))?;
    Ok((store, instance))
}

pub fn run(options: &Options, bytes: &[u8], count: usize) -> Result<()> {
    // One more is made first: what the first one costs, all share.
    let slots = u32::try_from(count)?.saturating_add(1).max(SLOTS);
    let pre = link(&pooled(options.metered, slots)?, bytes)?;
    let _first = live(&pre, options.metered)?;
    let mut instances = Vec::with_capacity(count);

    let (before, start) = (resident()?, Instant::now());
    for _ in 0..count {
        instances.push(live(&pre, options.metered)?);
    }
    let took = start.elapsed().as_secs_f64();
    let each = resident()?.saturating_sub(before) as f64 / count as f64;

    report_once(&options.name("raw.idle_resident"), "bytes", each, "lower");
    report_once(&options.name("raw.idle_create"), "ms", took * 1e3, "lower");
    Ok(())
}
