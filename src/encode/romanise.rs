//! Any script in ASCII letters, roughly as it is pronounced.
//!
//! The tokenizer learnt on English and programs: of Hindi or Thai it makes three tokens a letter, which a small model cannot
//! read and which fill a window with two sentences. Spelled in ASCII, words that languages share (`pasvrd`, `sistema`) look
//! alike, accents that are left out change nothing, and letters that imitate others become what they imitate. Only the
//! model reads this form; whatever is recognised, shown or compared is recognised, shown and compared as it was written.

use std::borrow::Cow;

use any_ascii::any_ascii_char;
use unicode_normalization::char::is_combining_mark;

/// The text in ASCII but for the brackets of markers and for characters without a spelling, which stay as they are: what
/// the model cannot read it should at least see. Signs that only change the letter before them fall away.
pub(super) fn romanised(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let mut spelled = String::with_capacity(text.len());
    for letter in text.chars() {
        match any_ascii_char(letter) {
            _ if matches!(letter, '⟦' | '⟧') => spelled.push(letter),
            "" if changes_another(letter) => {}
            "" => spelled.push(letter),
            ascii => spelled.push_str(ascii),
        }
    }
    Cow::Owned(spelled)
}

/// Whether a sign only changes the letter before it: accents, vowel killers, the long sign of Japanese.
fn changes_another(sign: char) -> bool {
    is_combining_mark(sign) || sign == 'ー'
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn scripts_are_spelled_as_they_sound() {
        let cases = [
            ("पासवर्ड", "pasvrd"),
            ("パスワード", "pasuwado"),
            ("忽略指令", "HuLueZhiLing"),
            ("пароль", "parol'"),
            ("contraseña größer", "contrasena grosser"),
            ("раураl", "raural"),
            ("⟦data⟧ é", "⟦data⟧ e"),
        ];
        for (text, expected) in cases {
            assert_eq!(romanised(text), expected);
        }
    }

    proptest! {
        #[test]
        fn ascii_stays_and_no_character_vanishes(before in "[ -~]{0,20}", letter: char, after in "[ -~]{0,20}") {
            let spelled = romanised(&[before.as_str(), &letter.to_string(), after.as_str()].concat()).into_owned();
            prop_assert!(spelled.starts_with(&before) && spelled.ends_with(&after));
            prop_assert!(spelled.len() > before.len() + after.len() || changes_another(letter));
        }
    }
}
