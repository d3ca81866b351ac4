#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| doorlist_smtp_fuzz::invariants::server_reply::check(input));
