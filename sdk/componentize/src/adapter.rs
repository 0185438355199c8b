//! What answers the calls of WASI preview 1, for modules whose compilers know no other system.

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use crate::ComponentizeError;

/// The module that the adapter stands for.
pub(crate) const NAME: &str = "wasi_snapshot_preview1";

const TEXT: &str = include_str!("adapter.wat");

/// The encoder links only adapters that say which world they bring in: none.
const WORLD: &str = "package strongroom:adapter; world nothing {}";

/// Has `encoder` answer the calls by the adapter. Where a module makes none, it leaves the adapter away.
///
/// # Errors
/// [`ComponentizeError::Adapter`] when the adapter is broken.
pub(crate) fn add(encoder: ComponentEncoder) -> Result<ComponentEncoder, ComponentizeError> {
    let mut module = wat::parse_str(TEXT).map_err(broken)?;
    let mut resolve = Resolve::default();
    let package = resolve.push_str("adapter.wit", WORLD).map_err(broken)?;
    let world = resolve.select_world(&[package], None).map_err(broken)?;
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).map_err(broken)?;
    encoder.adapter(NAME, &module).map_err(broken)
}

fn broken(error: impl std::fmt::Display) -> ComponentizeError {
    ComponentizeError::Adapter { reason: format!("{error:#}") }
}

#[cfg(test)]
mod tests {
    use crate::{componentize, contract};

    /// Every function of WASI preview 1 with its parameters: i for i32, I for i64. All give an i32, but for proc_exit.
    const FUNCTIONS: &[&str] = &[
        "args_get ii",
        "args_sizes_get ii",
        "clock_res_get ii",
        "clock_time_get iIi",
        "environ_get ii",
        "environ_sizes_get ii",
        "fd_advise iIIi",
        "fd_allocate iII",
        "fd_close i",
        "fd_datasync i",
        "fd_fdstat_get ii",
        "fd_fdstat_set_flags ii",
        "fd_fdstat_set_rights iII",
        "fd_filestat_get ii",
        "fd_filestat_set_size iI",
        "fd_filestat_set_times iIIi",
        "fd_pread iiiIi",
        "fd_prestat_dir_name iii",
        "fd_prestat_get ii",
        "fd_pwrite iiiIi",
        "fd_read iiii",
        "fd_readdir iiiIi",
        "fd_renumber ii",
        "fd_seek iIii",
        "fd_sync i",
        "fd_tell ii",
        "fd_write iiii",
        "path_create_directory iii",
        "path_filestat_get iiiii",
        "path_filestat_set_times iiiiIIi",
        "path_link iiiiiii",
        "path_open iiiiiIIii",
        "path_readlink iiiiii",
        "path_remove_directory iii",
        "path_rename iiiiii",
        "path_symlink iiiii",
        "path_unlink_file iii",
        "poll_oneoff iiii",
        "proc_exit i",
        "proc_raise i",
        "random_get ii",
        "sched_yield ",
        "sock_accept iii",
        "sock_recv iiiiii",
        "sock_send iiiii",
        "sock_shutdown ii",
    ];

    /// The encoder leaves away what a module does not call, so it must call everything for everything to be checked.
    #[test]
    fn every_function_of_wasi_is_there() {
        let import = |function: &&str| {
            let (name, parameters) = function.split_once(' ').unwrap();
            let result = if name == "proc_exit" { "" } else { "(result i32)" };
            let parameters = parameters.replace('i', " i32").replace('I', " i64");
            format!(r#"(import "{}" "{name}" (func (param{parameters}) {result}))"#, super::NAME)
        };
        let imports: String = FUNCTIONS.iter().map(import).collect();
        let policy = contract::INTERFACE;
        let module = format!(
            r#"(module {imports} (memory (export "memory") 1)
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 64)
            (func (export "{policy}#describe") (result i32) i32.const 0)
            (func (export "{policy}#validate-settings") (param i32 i32) (result i32) i32.const 0)
            (func (export "{policy}#review") (param i32) (result i32) i32.const 0))"#
        );
        componentize(&wat::parse_str(module).unwrap()).unwrap();
    }
}
