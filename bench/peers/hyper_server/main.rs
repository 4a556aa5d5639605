// hyper's server on one thread: 16 bytes for every request.
use std::convert::Infallible;

use hyper::server::conn::Http;
use hyper::service::service_fn;
use hyper::{header, Body, Request, Response};
use tokio::net::TcpListener;
use tokio::task::LocalSet;

async fn answer(_: Request<Body>) -> Result<Response<Body>, Infallible> {
    Ok(Response::builder()
        .header(header::CONTENT_TYPE, "text/plain")
        .body(Body::from("0123456789abcde\n"))
        .unwrap())
}

async fn serve() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{{\"port\": {}}}", listener.local_addr()?.port());
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        // pipeline_flush: all answers that are ready go in one write.
        tokio::task::spawn_local(
            Http::new().http1_only(true).pipeline_flush(true).serve_connection(stream, service_fn(answer)),
        );
    }
}

fn main() -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    LocalSet::new().block_on(&runtime, serve())
}
