//! What is called: an export of one of four signatures, with arguments for it, typed and as `Val`.

use wasmtime::component::types::{ComponentFunc, ComponentItem, Type};
use wasmtime::component::{ComponentExportIndex, ComponentNamedList, InstancePre, Lift, Lower, Val};
use wasmtime::{Result, bail, ensure, format_err};

pub trait Params: ComponentNamedList + Lower + Copy + Send + Sync + 'static {}
impl<T: ComponentNamedList + Lower + Copy + Send + Sync + 'static> Params for T {}

pub trait Results: ComponentNamedList + Lift + Send + Sync + 'static {}
impl<T: ComponentNamedList + Lift + Send + Sync + 'static> Results for T {}

pub struct Call<P, R> {
    pub params: P,
    pub vals: Vec<Val>,
    right: fn(&P, &R) -> bool,
    val: fn(R) -> Val,
}

impl<P: Params, R: Results> Call<P, R> {
    /// Looks at a result once, before anything is measured; gives it as a `Val`.
    pub fn check(&self, result: R) -> Result<Val> {
        ensure!((self.right)(&self.params, &result), "the guest returned something else than it should");
        Ok((self.val)(result))
    }
}

pub fn add() -> Call<(i32, i32), (i32,)> {
    let vals = vec![Val::S32(40), Val::S32(2)];
    Call { params: (40, 2), vals, right: |_, r| r.0 == 42, val: |r| Val::S32(r.0) }
}

pub fn number() -> Call<(i32,), (i32,)> {
    Call { params: (42,), vals: vec![Val::S32(42)], right: |p, r| r.0 == p.0, val: |r| Val::S32(r.0) }
}

/// Arguments live as long as the process.
pub fn text(size: usize) -> Call<(&'static str,), (String,)> {
    let text = "x".repeat(size);
    let vals = vec![Val::String(text.clone())];
    // Some guests greet.
    Call { params: (text.leak(),), vals, right: |p, r| r.0.ends_with(p.0), val: |r| Val::String(r.0) }
}

fn list(bytes: &[u8]) -> Val {
    Val::List(bytes.iter().map(|byte| Val::U8(*byte)).collect())
}

pub fn bytes(size: usize) -> Call<(&'static [u8],), (Vec<u8>,)> {
    let bytes = vec![b'x'; size];
    let vals = vec![list(&bytes)];
    Call { params: (bytes.leak(),), vals, right: |p, r| r.0 == p.0, val: |r| list(&r.0) }
}

#[derive(Clone, Copy)]
pub enum Signature {
    Add,
    Number,
    Text,
    Bytes,
}

impl Signature {
    pub fn kind(self) -> &'static str {
        match self {
            Signature::Add | Signature::Number => "s32",
            Signature::Text => "string",
            Signature::Bytes => "bytes",
        }
    }

    fn of(func: &ComponentFunc) -> Option<Signature> {
        let params: Vec<Type> = func.params().map(|(_, param)| param).collect();
        let results: Vec<Type> = func.results().collect();
        match (&params[..], &results[..]) {
            ([Type::S32, Type::S32], [Type::S32]) => Some(Signature::Add),
            ([Type::S32], [Type::S32]) => Some(Signature::Number),
            ([Type::String], [Type::String]) => Some(Signature::Text),
            ([Type::List(p)], [Type::List(r)]) if (p.ty(), r.ty()) == (Type::U8, Type::U8) => Some(Signature::Bytes),
            _ => None,
        }
    }
}

/// Finds an export at the top level.
pub fn find(pre: &InstancePre<()>, name: &str) -> Result<(ComponentExportIndex, Signature)> {
    let (item, index) = pre.component().get_export(None, name).ok_or_else(|| format_err!("{name}: no such export"))?;
    let ComponentItem::ComponentFunc(func) = item else { bail!("{name} is not a function") };
    let signature = Signature::of(&func).ok_or_else(|| {
        format_err!("{name} takes and returns something else than s32 (one or two), string or list<u8>")
    })?;
    Ok((index, signature))
}

/// Evaluates an expression with the call of a signature, which is a type of its own for each.
#[macro_export]
macro_rules! with_call {
    ($signature:expr, $size:expr, |$call:ident| $body:expr) => {
        match $signature {
            $crate::call::Signature::Add => {
                let $call = $crate::call::add();
                $body
            }
            $crate::call::Signature::Number => {
                let $call = $crate::call::number();
                $body
            }
            $crate::call::Signature::Text => {
                let $call = $crate::call::text($size);
                $body
            }
            $crate::call::Signature::Bytes => {
                let $call = $crate::call::bytes($size);
                $body
            }
        }
    };
}
