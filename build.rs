//! Sets the link options that a Node-API addon needs on each platform.

fn main() {
    #[cfg(feature = "node")]
    napi_build::setup();
}
