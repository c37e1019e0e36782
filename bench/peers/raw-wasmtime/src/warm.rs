//! Calls on a live instance: typed, and dynamic through `Val`, in turn.

use crate::call::{self, Call, Params, Results};
use crate::engine::{SLOTS, begin, finish, link, pooled, store_async, store_sync};
use crate::measure::{report, take_in_turn};
use crate::{Options, with_call};
use std::hint::black_box;
use wasmtime::component::{ComponentExportIndex, Func, InstancePre, Val};
use wasmtime::{Result, Store, ensure};

/// Runs in one sample, and samples, as in bench/bench_core_calls.c.
const BATCH: usize = 2000;
const SAMPLES: usize = 200;
/// Bytes that one sample may carry: large arguments get fewer runs.
const BATCH_BYTES: usize = 8 << 20;

struct Live {
    store: Store<()>,
    func: Func,
    metered: bool,
    asynchronous: bool,
}

impl Live {
    fn new(options: &Options, pre: &InstancePre<()>, export: ComponentExportIndex) -> Result<Live> {
        let Options { metered, asynchronous, .. } = *options;
        let (mut store, instance);
        if asynchronous {
            store = store_async(pre.engine(), metered)?;
            instance = finish(pre.instantiate_async(&mut store))?;
        } else {
            store = store_sync(pre.engine(), metered)?;
            instance = pre.instantiate(&mut store)?;
        }
        let func = instance.get_func(&mut store, export).expect("found in the component");
        Ok(Live { store, func, metered, asynchronous })
    }

    fn typed<P: Params, R: Results>(&mut self, call: &Call<P, R>, times: usize) -> Result<Option<R>> {
        let func = self.func.typed::<P, R>(&self.store)?;
        let mut last = None;
        for _ in 0..times {
            begin(&mut self.store, self.metered)?;
            last = black_box(Some(if self.asynchronous {
                finish(func.call_async(&mut self.store, call.params))?
            } else {
                func.call(&mut self.store, call.params)?
            }));
        }
        Ok(last)
    }

    fn dynamic(&mut self, vals: &[Val], times: usize) -> Result<Val> {
        let mut result = [Val::Bool(false)];
        for _ in 0..times {
            begin(&mut self.store, self.metered)?;
            if self.asynchronous {
                finish(self.func.call_async(&mut self.store, vals, &mut result))?;
            } else {
                self.func.call(&mut self.store, vals, &mut result)?;
            }
            black_box(&result);
        }
        let [result] = result;
        Ok(result)
    }
}

fn measure<P: Params, R: Results>(
    mut typed: Live,
    mut dynamic: Live,
    call: &Call<P, R>,
    batch: usize,
) -> Result<[Vec<f64>; 2]> {
    let expected = call.check(typed.typed(call, 1)?.expect("called once"))?;
    ensure!(dynamic.dynamic(&call.vals, 1)? == expected, "the dynamic call returned something else than the typed one");
    let mut typed = |batch| typed.typed(call, batch).map(drop);
    let mut dynamic = |batch| dynamic.dynamic(&call.vals, batch).map(drop);
    take_in_turn([&mut typed, &mut dynamic], batch, SAMPLES)
}

pub fn run(options: &Options, bytes: &[u8], export: &str, kind: &str) -> Result<()> {
    let pre = link(&pooled(options.metered, SLOTS)?, bytes)?;
    let (index, signature) = call::find(&pre, export)?;
    ensure!(signature.kind() == kind, "{export} is of kind {}, not {kind}", signature.kind());
    let batch = if kind == "s32" { BATCH } else { (BATCH_BYTES / options.size.max(1)).clamp(1, BATCH) };
    let (typed, dynamic) = (Live::new(options, &pre, index)?, Live::new(options, &pre, index)?);
    let [typed, dynamic] = with_call!(signature, options.size, |call| measure(typed, dynamic, &call, batch))?;
    report(&options.name(&format!("raw.warm_call_typed.{kind}")), "ns", 1e9, &typed);
    report(&options.name(&format!("raw.warm_call_dynamic.{kind}")), "ns", 1e9, &dynamic);
    Ok(())
}
