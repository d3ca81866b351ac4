#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| doorlist_core_fuzz::invariants::file_list::check(input));
