//! Wasmtime's C API as one static library, and the few calls it lacks (`bhx_*`, documented in
//! `include/bhx.h`).
//!
//! There is no policy here: what is allowed, how much, and what an error is called is decided in C.
//! Rules of this crate:
//! - no panic leaves an entry point: each is wrapped in `guard`, and a panic becomes an error;
//! - pointers to the C API's wrappers are cast to the Rust values inside them, which is sound only because
//!   the wrappers are single-field structs and the version is pinned to the patch (`wrap.rs` asserts sizes);
//! - what the guest can make us allocate is bounded by limits the caller sets.

#![allow(non_camel_case_types)]

mod alloc;
mod call;
mod component;
mod coredump;
mod engine;
mod error;
mod import;
mod lift;
mod linker;
mod lower;
mod middleware;
mod module;
mod poll;
mod profile;
mod scan;
mod store;
mod stream;
mod toml;
mod types;
mod value;
mod verdict;
mod wasi;
mod wave;
mod wave_value;
mod wit;
mod wrap;

pub use wasmtime_c_api::*;

#[global_allocator]
static MALLOC: alloc::Keeping = alloc::Keeping;
