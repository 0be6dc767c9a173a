//! Any bytes as a line of action records: no panic, and an error keeps its stable code.

#![no_main]

use libfuzzer_sys::fuzz_target;
use riskgate::record;
use riskgate::verdict::Verdict;

fuzz_target!(|data: &[u8]| {
    match record::parse(data) {
        Ok(record) => assert!(std::str::from_utf8(data).is_ok_and(|text| text.contains("tool")), "{record:?}"),
        Err((id, error)) => {
            let answer = record::error_json(&id, &error, Verdict::Ask);
            assert!(answer["error"]["code"].as_str().is_some_and(|code| code.starts_with("record.")));
            assert_eq!(answer["verdict"], "ask");
        }
    }
});
