//! `--user`.

use std::fmt::{Debug, Formatter, Result as FmtResult};
use std::str::FromStr;

/// A name and a password, as NAME:PASSWORD.
#[derive(Clone)]
pub(crate) struct Credentials {
    pub(crate) name: String,
    pub(crate) password: String,
}

impl FromStr for Credentials {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, password) = text.split_once(':').ok_or("it has to be NAME:PASSWORD")?;
        Ok(Self { name: name.to_owned(), password: password.to_owned() })
    }
}

impl Debug for Credentials {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        f.debug_struct("Credentials").field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_may_hold_colons_and_is_never_shown() {
        let credentials: Credentials = "root:canary:1".parse().unwrap();
        assert_eq!((credentials.name.as_str(), credentials.password.as_str()), ("root", "canary:1"));
        assert!(!format!("{credentials:?}").contains("canary"));
        assert!("root".parse::<Credentials>().is_err());
    }
}
