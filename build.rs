//! Link settings that Node-API needs on each platform.

fn main() {
    #[cfg(feature = "node")]
    napi_build::setup();
}
