//! A gateway's manager with its modules, and one request on its way through it.

use crate::Result;
use smg_wasm::smg::gateway::middleware_types::{Action, Header, Request};
use smg_wasm::{
    MiddlewareAttachPoint, WasmComponentInput, WasmModule, WasmModuleAttachPoint, WasmModuleManager, WasmModuleMeta,
    WasmRuntimeConfig,
};
use std::sync::Arc;
use uuid::Uuid;

/// Threads that run modules. The rest of the configuration is the crate's default.
const WORKERS: usize = 2;

const REQUESTS: WasmModuleAttachPoint = WasmModuleAttachPoint::Middleware(MiddlewareAttachPoint::OnRequest);
const RESPONSES: WasmModuleAttachPoint = WasmModuleAttachPoint::Middleware(MiddlewareAttachPoint::OnResponse);

pub fn read(path: &str) -> Result<Arc<Vec<u8>>> {
    Ok(Arc::new(std::fs::read(path).map_err(|error| format!("{path}: {error}"))?))
}

/// So many modules, of which the first is attached to requests.
pub fn manager(bytes: &Arc<Vec<u8>>, modules: usize) -> Result<WasmModuleManager> {
    let manager = WasmModuleManager::new(WasmRuntimeConfig { thread_pool_size: WORKERS, ..Default::default() });
    for index in 0..modules {
        // Registering compares digests, and looking up compiled code goes by them: of any kind, as long as they differ.
        let mut sha256_hash = [0; 32];
        sha256_hash[..8].copy_from_slice(&(index as u64 + 1).to_le_bytes());
        let module_meta = WasmModuleMeta {
            name: format!("m{index}"),
            file_path: format!("/modules/m{index}.wasm"),
            sha256_hash,
            size_bytes: bytes.len() as u64,
            created_at: 0,
            last_accessed_at: 0,
            access_count: 0,
            attach_points: vec![if index == 0 { REQUESTS } else { RESPONSES }],
            wasm_bytes: bytes.clone(),
        };
        manager.register_module_internal(WasmModule { module_uuid: Uuid::now_v7(), module_meta })?;
    }
    Ok(manager)
}

fn header(name: &str, value: &str) -> Header {
    Header { name: name.to_string(), value: value.to_string() }
}

/// The request of bench_gateway_chain.c.
pub fn request(size: usize) -> Request {
    Request {
        method: "POST".to_string(),
        path: "/v1/chat/completions".to_string(),
        query: String::new(),
        headers: vec![
            header("host", "gateway.example"),
            header("content-type", "application/json"),
            header("user-agent", "bench/1.0"),
            header("x-api-key", "let-me-in"),
        ],
        body: vec![b'b'; size],
        request_id: "0195f3c2-7d1e-7b1a-9a55-3c1f6e0d2b11".to_string(),
        now_epoch_ms: 1_700_000_000_000,
    }
}

/// The request is shown to the modules. The crate takes it as its own, so that each request is copied once.
pub async fn pass(manager: &WasmModuleManager, request: &Request) -> std::result::Result<(), String> {
    for module in manager.get_modules_by_attach_point(REQUESTS).map_err(|error| error.to_string())? {
        let input = WasmComponentInput::MiddlewareRequest(request.clone());
        match manager.execute_module_for_attach_point(&module, REQUESTS, input).await {
            Some(Action::Continue) => {}
            Some(_) => return Err("the module did not let the request pass".to_string()),
            None => return Err("the module failed".to_string()),
        }
    }
    Ok(())
}
