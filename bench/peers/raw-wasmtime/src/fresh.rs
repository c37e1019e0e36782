//! A fresh instance and one call, each time: a pool's slot is taken and given back.

use crate::call::{self, Call, Params, Results};
use crate::engine::{SLOTS, finish, link, pooled, store_async};
use crate::measure::{report, take_in_turn};
use crate::{Options, with_call};
use std::hint::black_box;
use wasmtime::Result;
use wasmtime::component::{ComponentExportIndex, InstancePre};

/// Runs in one sample, as in bench/bench_core_calls.c.
const BATCH: usize = 200;

/// A component that is ready to be instantiated and called.
pub struct Guest {
    pub pre: InstancePre<()>,
    pub export: ComponentExportIndex,
    pub metered: bool,
}

impl Guest {
    /// From nothing to a result and back. The engine does what post-return asks for within the call.
    pub async fn call<P: Params, R: Results>(&self, call: &Call<P, R>) -> Result<R> {
        let mut store = store_async(self.pre.engine(), self.metered)?;
        let instance = self.pre.instantiate_async(&mut store).await?;
        let func = instance.get_typed_func::<P, R>(&mut store, self.export)?;
        func.call_async(&mut store, call.params).await
    }
}

fn measure<P: Params, R: Results>(guest: &Guest, call: &Call<P, R>, iterations: usize, name: &str) -> Result<()> {
    call.check(finish(guest.call(call))?)?;
    let mut body = |batch| {
        for _ in 0..batch {
            black_box(finish(guest.call(call))?);
        }
        Ok(())
    };
    let batch = BATCH.min(iterations);
    let [samples] = take_in_turn([&mut body], batch, iterations / batch)?;
    report(name, "ns", 1e9, &samples);
    Ok(())
}

pub fn run(options: &Options, bytes: &[u8], export: &str, iterations: usize) -> Result<()> {
    let pre = link(&pooled(options.metered, SLOTS)?, bytes)?;
    let (export, signature) = call::find(&pre, export)?;
    let guest = Guest { pre, export, metered: options.metered };
    with_call!(signature, options.size, |call| measure(&guest, &call, iterations, &options.name("raw.fresh_call")))
}
