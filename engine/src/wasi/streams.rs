//! The stock streams, counted.

use super::State;
use wasmtime::Error;
use wasmtime::component::{HasData, Resource, ResourceTable};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, DynPollable, StreamError, StreamResult};
use wasmtime_wasi_io::bindings::wasi::io::streams as io;

pub struct Counted;
pub struct CountedTable<'a>(pub &'a mut ResourceTable);

impl HasData for Counted {
    type Data<'a> = CountedTable<'a>;
}

impl CountedTable<'_> {
    fn count(&mut self, bytes: usize) -> StreamResult<()> {
        State::count(self.0, bytes).map_err(StreamError::Trap)
    }
}

impl io::Host for CountedTable<'_> {
    fn convert_stream_error(&mut self, error: StreamError) -> Result<io::StreamError, Error> {
        self.0.convert_stream_error(error)
    }
}

impl io::HostInputStream for CountedTable<'_> {
    fn read(&mut self, stream: Resource<DynInputStream>, len: u64) -> StreamResult<Vec<u8>> {
        let bytes = io::HostInputStream::read(self.0, stream, len)?;
        self.count(bytes.len())?;
        Ok(bytes)
    }

    async fn blocking_read(&mut self, stream: Resource<DynInputStream>, len: u64) -> StreamResult<Vec<u8>> {
        let bytes = io::HostInputStream::blocking_read(self.0, stream, len).await?;
        self.count(bytes.len())?;
        Ok(bytes)
    }

    fn skip(&mut self, stream: Resource<DynInputStream>, len: u64) -> StreamResult<u64> {
        let skipped = io::HostInputStream::skip(self.0, stream, len)?;
        self.count(skipped as usize)?;
        Ok(skipped)
    }

    async fn blocking_skip(&mut self, stream: Resource<DynInputStream>, len: u64) -> StreamResult<u64> {
        let skipped = io::HostInputStream::blocking_skip(self.0, stream, len).await?;
        self.count(skipped as usize)?;
        Ok(skipped)
    }

    fn subscribe(&mut self, stream: Resource<DynInputStream>) -> Result<Resource<DynPollable>, Error> {
        io::HostInputStream::subscribe(self.0, stream)
    }

    async fn drop(&mut self, stream: Resource<DynInputStream>) -> Result<(), Error> {
        io::HostInputStream::drop(self.0, stream).await
    }
}

impl io::HostOutputStream for CountedTable<'_> {
    fn check_write(&mut self, stream: Resource<DynOutputStream>) -> StreamResult<u64> {
        io::HostOutputStream::check_write(self.0, stream)
    }

    fn write(&mut self, stream: Resource<DynOutputStream>, bytes: Vec<u8>) -> StreamResult<()> {
        self.count(bytes.len())?;
        io::HostOutputStream::write(self.0, stream, bytes)
    }

    async fn blocking_write_and_flush(
        &mut self,
        stream: Resource<DynOutputStream>,
        bytes: Vec<u8>,
    ) -> StreamResult<()> {
        self.count(bytes.len())?;
        io::HostOutputStream::blocking_write_and_flush(self.0, stream, bytes).await
    }

    fn flush(&mut self, stream: Resource<DynOutputStream>) -> StreamResult<()> {
        io::HostOutputStream::flush(self.0, stream)
    }

    async fn blocking_flush(&mut self, stream: Resource<DynOutputStream>) -> StreamResult<()> {
        io::HostOutputStream::blocking_flush(self.0, stream).await
    }

    fn write_zeroes(&mut self, stream: Resource<DynOutputStream>, len: u64) -> StreamResult<()> {
        self.count(len as usize)?;
        io::HostOutputStream::write_zeroes(self.0, stream, len)
    }

    async fn blocking_write_zeroes_and_flush(
        &mut self,
        stream: Resource<DynOutputStream>,
        len: u64,
    ) -> StreamResult<()> {
        self.count(len as usize)?;
        io::HostOutputStream::blocking_write_zeroes_and_flush(self.0, stream, len).await
    }

    fn splice(&mut self, to: Resource<DynOutputStream>, from: Resource<DynInputStream>, len: u64) -> StreamResult<u64> {
        let moved = io::HostOutputStream::splice(self.0, to, from, len)?;
        self.count(moved as usize)?;
        Ok(moved)
    }

    async fn blocking_splice(
        &mut self,
        to: Resource<DynOutputStream>,
        from: Resource<DynInputStream>,
        len: u64,
    ) -> StreamResult<u64> {
        let moved = io::HostOutputStream::blocking_splice(self.0, to, from, len).await?;
        self.count(moved as usize)?;
        Ok(moved)
    }

    fn subscribe(&mut self, stream: Resource<DynOutputStream>) -> Result<Resource<DynPollable>, Error> {
        io::HostOutputStream::subscribe(self.0, stream)
    }

    async fn drop(&mut self, stream: Resource<DynOutputStream>) -> Result<(), Error> {
        io::HostOutputStream::drop(self.0, stream).await
    }
}
