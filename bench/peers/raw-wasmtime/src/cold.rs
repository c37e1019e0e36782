//! Everything anew each time: compile, link, instantiate on demand, call. No cache, no pool.

use crate::call::{self, Call, Params, Results};
use crate::engine::{finish, link, on_demand};
use crate::fresh::Guest;
use crate::measure::{report, take_in_turn};
use crate::{Options, with_call};
use wasmtime::{Engine, Result};

struct Source<'a> {
    engine: Engine,
    bytes: &'a [u8],
    export: &'a str,
    metered: bool,
}

impl Source<'_> {
    fn call<P: Params, R: Results>(&self, call: &Call<P, R>) -> Result<()> {
        let pre = link(&self.engine, self.bytes)?;
        let (export, _) = call::find(&pre, self.export)?;
        let guest = Guest { pre, export, metered: self.metered };
        call.check(finish(guest.call(call))?).map(drop)
    }
}

fn measure<P: Params, R: Results>(source: &Source, call: &Call<P, R>, iterations: usize) -> Result<Vec<f64>> {
    let mut body = |batch| (0..batch).try_for_each(|_| source.call(call));
    let [samples] = take_in_turn([&mut body], 1, iterations)?;
    Ok(samples)
}

pub fn run(options: &Options, bytes: &[u8], export: &str, iterations: usize) -> Result<()> {
    let source = Source { engine: on_demand(options.metered)?, bytes, export, metered: options.metered };
    let (_, signature) = call::find(&link(&source.engine, bytes)?, export)?;
    let samples = with_call!(signature, options.size, |call| measure(&source, &call, iterations))?;
    report(&options.name("raw.cold_call"), "ms", 1e3, &samples);
    Ok(())
}
