//! What runs the client programs: found, or built in the target folder.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// What a client program is written in.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Language {
    Go,
    /// Go, too: kube-apiserver's own tests.
    Kubernetes,
    Rust,
    /// One of the scripts.
    Python(&'static str),
    Node,
    Curl,
    /// The one of the path.
    Etcdctl,
    /// The newest, built with Go.
    EtcdctlBuilt,
}

/// How a client program is started.
#[derive(Debug, Default)]
pub(crate) struct Runtime {
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<PathBuf>,
    /// Where the client's files are, for those that have any.
    pub(crate) folder: PathBuf,
    /// Nothing else of the caller's shell reaches it.
    pub(crate) variables: Vec<(String, String)>,
}

/// Finds or builds what runs the programs of a language.
///
/// # Errors
/// A sentence that says what is missing and how to go on without it.
pub(crate) fn prepare(language: Language) -> Result<Runtime, String> {
    let (program, arguments) = match language {
        Language::Go => (go(".", "go-client")?, vec![]),
        Language::EtcdctlBuilt => {
            let built = go("go.etcd.io/etcd/etcdctl/v3", "etcdctl")?;
            let mut runtime = shell("etcdctl.sh");
            runtime.variables.push(("ETCDCTL_PROGRAM".to_owned(), built.to_string_lossy().into_owned()));
            return Ok(runtime);
        }
        Language::Kubernetes => return kubernetes(),
        Language::Rust => (rust()?, vec![]),
        Language::Python(script) => (python()?, vec![sources("python").join(script)]),
        Language::Node => (PathBuf::from("node"), vec![node()?]),
        Language::Curl => {
            needs("curl", "--version")?;
            return Ok(shell("gateway.sh"));
        }
        Language::Etcdctl => {
            needs("etcdctl", "version")?;
            return Ok(shell("etcdctl.sh"));
        }
    };
    Ok(Runtime { program, arguments, folder: target()?, variables: variables() })
}

fn shell(script: &str) -> Runtime {
    let script = sources("shell").join(script);
    Runtime { program: "/bin/sh".into(), arguments: vec![script], variables: variables(), ..Runtime::default() }
}

/// What a program needs of the caller's shell to be found and to write its files.
fn variables() -> Vec<(String, String)> {
    let kept = ["PATH", "HOME", "TMPDIR"];
    kept.iter().filter_map(|name| env::var(name).ok().map(|value| ((*name).to_owned(), value))).collect()
}

/// Builds a package of the Go module here, or one that it depends on.
fn go(package: &str, name: &str) -> Result<PathBuf, String> {
    needs("go", "version")?;
    let program = target()?.join(name);
    let mut build = Command::new("go");
    build.args(["build", "-o"]).arg(&program).arg(package).current_dir(sources("go"));
    run(build)?;
    Ok(program)
}

/// The packages of kube-apiserver's module whose tests ask for a server.
const SUITES: [&str; 2] = ["./pkg/storage/etcd3", "./pkg/storage/storagebackend/factory"];

/// Builds kube-apiserver's own tests in a copy of its module, in which a package of ours starts the server.
fn kubernetes() -> Result<Runtime, String> {
    needs("go", "version")?;
    let (ours, folder) = (sources("kubernetes"), target()?.join("kubernetes"));
    let (suites, module) = (folder.join("suites"), folder.join("module"));
    if !is_made(&folder, &ours.join("go.sum")) {
        run(command("go", &["mod", "download", "k8s.io/apiserver"], &ours))?;
        let list = command("go", &["list", "-m", "-f", "{{.Dir}}", "k8s.io/apiserver"], &ours).output();
        let original = list.map_err(|error| format!("go does not start: {error}"))?.stdout;
        fs::create_dir_all(&folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
        // An older copy, or one that was not made to its end, may be there.
        drop(fs::remove_dir_all(&module));
        // Files in the module cache are read-only.
        run(command(
            "cp",
            &["-r", "--no-preserve=mode", String::from_utf8_lossy(&original).trim(), "module"],
            &folder,
        ))?;
        remember(&folder, &ours.join("go.sum"))?;
    }
    let replaced = module.join("pkg/storage/etcd3/testserver/test_server.go");
    fs::copy(ours.join("testserver/server.go"), replaced)
        .map_err(|error| format!("cannot copy the server: {error}"))?;
    // The folder's last slash says that there are several programs.
    let into = format!("{}/", suites.display());
    run(command("go", &[&["test", "-c", "-o", &into][..], &SUITES].concat(), &module))?;
    let mut runtime = Runtime { program: "/bin/sh".into(), folder, variables: variables(), ..Runtime::default() };
    runtime.arguments.push(ours.join("suites.sh"));
    runtime.variables.push(("SUITES".to_owned(), suites.to_string_lossy().into_owned()));
    runtime.variables.push(("SOURCES".to_owned(), module.to_string_lossy().into_owned()));
    Ok(runtime)
}

fn command(program: &str, arguments: &[&str], folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder);
    command
}

/// Builds the crate that is not in the workspace, because `etcd-client` needs `protoc`.
fn rust() -> Result<PathBuf, String> {
    needs("protoc", "--version")?;
    let target = target()?.join("rust");
    let mut build = Command::new("cargo");
    build.args(["build", "--quiet", "--locked", "--target-dir"]).arg(&target).arg("--manifest-path");
    build.arg(sources("rust").join("Cargo.toml"));
    run(build)?;
    Ok(target.join("debug/rust-client"))
}

/// A Python of its own with the pinned packages.
fn python() -> Result<PathBuf, String> {
    needs("python3", "--version")?;
    let folder = target()?.join("python");
    let requirements = sources("python").join("requirements.txt");
    let python = folder.join("bin/python");
    if !is_made(&folder, &requirements) {
        let mut make = Command::new("python3");
        make.args(["-m", "venv", "--clear"]).arg(&folder);
        run(make)?;
        let mut install = Command::new(&python);
        install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
        install.arg(&requirements);
        run(install)?;
        remember(&folder, &requirements)?;
    }
    Ok(python)
}

/// The script beside its pinned packages, where Node looks for them.
fn node() -> Result<PathBuf, String> {
    needs("node", "--version")?;
    needs("npm", "--version")?;
    let (folder, sources) = (target()?.join("node"), sources("node"));
    let lock = sources.join("package-lock.json");
    fs::create_dir_all(&folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    for file in ["package.json", "package-lock.json", "client.js"] {
        fs::copy(sources.join(file), folder.join(file)).map_err(|error| format!("cannot copy {file}: {error}"))?;
    }
    if !is_made(&folder, &lock) {
        let mut install = Command::new("npm");
        // No package here needs its install script, so none gets to run one.
        install.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]).current_dir(&folder);
        run(install)?;
        remember(&folder, &lock)?;
    }
    Ok(folder.join("client.js"))
}

/// Whether a folder was made to its end from what this file says now.
fn is_made(folder: &Path, file: &Path) -> bool {
    let made = fs::read(folder.join("made-from")).ok();
    made.is_some() && made == fs::read(file).ok()
}

fn remember(folder: &Path, file: &Path) -> Result<(), String> {
    let copied = fs::copy(file, folder.join("made-from"));
    copied.map(drop).map_err(|error| format!("cannot write to {}: {error}", folder.display()))
}

/// Where the programs of a language are.
fn sources(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)
}

/// Where this program leaves what it makes: a folder in the target folder.
fn target() -> Result<PathBuf, String> {
    let own = env::current_exe().map_err(|error| format!("a running program has a path: {error}"))?;
    let folder = own.ancestors().nth(2).unwrap_or(&own).join("clients");
    fs::create_dir_all(&folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    Ok(folder)
}

fn needs(program: &str, question: &str) -> Result<(), String> {
    let answered = Command::new(program).arg(question).output().is_ok_and(|output| output.status.success());
    let sentence = || {
        format!(
            "{program} is not installed; `.ci/install.sh clients` installs it on Debian, and --without CLIENT goes on without"
        )
    };
    if answered { Ok(()) } else { Err(sentence()) }
}

fn run(mut command: Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{:?} does not start: {error}", command.get_program()))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat();
    Err(format!("{command:?} failed:\n{said}"))
}
