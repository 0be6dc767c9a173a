//! Any bytes as a hook call: no panic, and what cannot be read stops the call.

#![no_main]

use libfuzzer_sys::fuzz_target;
use riskgate::harness::{Harness, HookEnvironment, HookEvent};
use riskgate::normalize::normalize;

fuzz_target!(|data: &[u8]| {
    let harness = Harness::ClaudeCode;
    match harness.parse(data, &HookEnvironment::default()) {
        Ok(HookEvent::Before(before)) => assert!(!normalize(&before.call).units.is_empty()),
        Ok(HookEvent::After(after)) => assert!(!normalize(&after.call).units.is_empty()),
        Ok(HookEvent::Other) => {}
        Err(error) => assert_eq!(harness.reply_failure(&error.to_string()).exit_code, 2),
    }
});
