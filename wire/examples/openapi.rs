//! Prints the OpenAPI document, to be kept as `public/openapi.json`.

#[expect(clippy::print_stdout, reason = "to print is what it is for")]
fn main() {
    print!("{}", doorbuster_wire::openapi::text());
}
