//! JSON as etcd's gateway reads it: cut by one reader ([`scanner`]), understood by another ([`token`]), with both
//! readers' texts for what is wrong.

pub(crate) mod scanner;
pub(crate) mod token;
