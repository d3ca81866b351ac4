//! Prints the OpenAPI document: `cargo run -p doorlist-web --example openapi > docs/openapi.json`.

fn main() -> std::io::Result<()> {
    serde_json::to_writer_pretty(std::io::stdout().lock(), &doorlist_web::openapi_document())?;
    println!();
    Ok(())
}
