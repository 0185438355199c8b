//! The WebAssembly engine: compiles components, and knows which ones it has compiled.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use meters::Registry;
use native::Digest;
use ring::digest::{SHA256, digest};
use store::{PluginRecord, StoreError};
use wasmtime::component::{Component, HasSelf, Linker};
use wasmtime::{Config, Enabled, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::compile::{Workshop, unusable};
use crate::contract::{self, HOST, INTERFACE, PluginPre};
use crate::journal::{Journal, Line};
use crate::limits::{
    COMPONENT_BYTES_MAX, INSTANCES_MAX, MEMORIES_MAX, MEMORY_BYTES_MAX, MEMORY_RESIDENT_BYTES, MESSAGE_BYTES_MAX,
    PARTS_MAX, PLUGINS_MAX, SETTINGS_BYTES_MAX, STACK_BYTES_MAX, TABLE_ELEMENTS_MAX, TABLE_RESIDENT_BYTES,
};
use crate::metrics::Metrics;
use crate::plugin::Plugin;
use crate::prepared::Prepared;
use crate::review::one_line;
use crate::sandbox::{self, Bounds, Deadline, Grant};
use crate::ticker::Ticker;
use crate::{AdmissionError, Description, PluginSet, Trial, TrustedKeys};

/// First bytes of a core module, which people upload by mistake.
const CORE_MODULE: &[u8] = b"\0asm\x01\0\0\0";

/// Compiled components that are kept although no policy in force names them: as many as can be prepared.
const SPARE_MAX: usize = PLUGINS_MAX;

/// Core instances, and tables, of a usual component: the pool has as many for each. One of many parts takes those of others.
const CORE_INSTANCES_MEAN: usize = 8;
const TABLES_MEAN: usize = 4;

/// Compiles plugins and bounds what they may take. One per process.
pub struct Engine {
    wasm: wasmtime::Engine,
    /// Without one, components are compiled here and not kept.
    workshop: Option<Workshop>,
    /// Without any, components need no signature.
    trusted: Option<TrustedKeys>,
    ticker: Arc<Ticker>,
    /// May be locked while `compiled` is, and not the other way round.
    prepared: Mutex<Prepared>,
    compiled: Mutex<HashMap<Digest, Code>>,
    /// By the plugin's name: an upgrade goes on with the log of what it replaces.
    journals: Mutex<HashMap<String, Arc<Journal>>>,
    metrics: Metrics,
}

/// Where components are fetched from, by their digest.
pub type Components<'a> = dyn Fn(&[u8]) -> Result<Option<Bytes>, StoreError> + 'a;

/// A plugin ready to be instantiated, with the clock that bounds it.
#[derive(Clone)]
pub(crate) struct Code {
    pub(crate) instances: PluginPre<Bounds>,
    _ticker: Arc<Ticker>,
}

impl Code {
    pub(crate) fn imports(&self) -> Vec<String> {
        let instances = self.instances.instance_pre();
        let told = instances.component().component_type();
        told.imports(instances.engine()).map(|(name, _)| name.to_owned()).collect()
    }
}

impl Engine {
    /// Starts the engine and its clock.
    ///
    /// # Errors
    /// [`AdmissionError::Engine`] when the machine has no room for the pool of instances (address space, not memory).
    pub fn new() -> Result<Self, AdmissionError> {
        Self::start(None)
    }

    /// The same for a member, which compiles strangers' components apart, and keeps what comes of it.
    ///
    /// # Errors
    /// As [`Engine::new`].
    pub fn with_workshop(workshop: Workshop) -> Result<Self, AdmissionError> {
        Self::start(Some(workshop))
    }

    fn start(workshop: Option<Workshop>) -> Result<Self, AdmissionError> {
        let cannot = |reason: String| AdmissionError::Engine { reason };
        let wasm = wasmtime::Engine::new(&config()).map_err(|error| cannot(format!("{error:#}")))?;
        let ticker = Ticker::start(wasm.clone()).map_err(|error| cannot(error.to_string()))?;
        Ok(Self {
            wasm,
            workshop,
            trusted: None,
            ticker: Arc::new(ticker),
            prepared: Mutex::default(),
            compiled: Mutex::default(),
            journals: Mutex::default(),
            metrics: Metrics::new(),
        })
    }

    /// The same, for components that are signed with one of these keys only.
    #[must_use]
    pub fn trusting(self, keys: TrustedKeys) -> Self {
        Self { trusted: Some(keys), ..self }
    }

    /// Whether a component may be run here, going by its signature; empty for none.
    ///
    /// # Errors
    /// [`AdmissionError::Unsigned`], [`AdmissionError::WronglySigned`], [`AdmissionError::TrustedKeys`].
    pub fn admit(&self, component: &[u8], signature: &[u8]) -> Result<(), AdmissionError> {
        self.trusted.as_ref().map_or(Ok(()), |trusted| trusted.verify(component, signature))
    }

    /// Compiles a component that a plugin is about to have, so that it is there when that is in force: until then it is kept for
    /// [`crate::limits::PREPARED_TIME_MAX`], whatever else of the policy changes.
    ///
    /// # Errors
    /// Why it cannot be run here.
    pub fn prepare(&self, component: &[u8]) -> Result<(), AdmissionError> {
        self.hold(component, |_| Ok(()))
    }

    /// Checks an upload: compiles it, refuses what the contract does not allow, and asks it to describe itself and whether it
    /// takes the settings. One that passes is prepared.
    ///
    /// Blocks for as long as compiling takes, up to seconds: not for an async thread.
    ///
    /// # Errors
    /// What is wrong with the component or the settings.
    pub fn inspect(&self, component: &[u8], settings: &str) -> Result<Description, AdmissionError> {
        self.hold(component, |code| {
            let description = describe(code)?;
            validate(code, settings)?;
            Ok(description)
        })
    }

    /// The same for who goes on to try it out, with these settings: without any it is not asked about them, and has empty ones.
    /// Nothing is prepared by it.
    ///
    /// # Errors
    /// As [`Engine::inspect`].
    pub fn try_out(&self, component: &[u8], settings: Option<&str>) -> Result<Trial, AdmissionError> {
        let code = self.code(component)?;
        let description = describe(&code)?;
        if let Some(settings) = settings {
            validate(&code, settings)?;
        }
        Ok(Trial::new(code, description, settings.unwrap_or_default()))
    }

    /// Puts what is told of plugins on the page.
    pub fn register(&self, registry: &Registry) {
        self.metrics.register(registry);
    }

    /// What the plugin of this name has logged here, oldest first.
    #[must_use]
    pub fn log(&self, plugin: &str) -> Vec<Line> {
        self.journals().get(plugin).map(|journal| journal.lines()).unwrap_or_default()
    }

    /// Makes the plugins of a policy ready to review.
    ///
    /// One that is turned off is left out. A record whose component cannot be run stands in the set all the same, and each of
    /// its reviews fails with the reason. Compiles what it has not compiled before, so it blocks as [`Engine::inspect`] does.
    #[must_use]
    pub fn load(&self, records: &[PluginRecord], components: &Components<'_>) -> PluginSet {
        let mut ordered: Vec<&PluginRecord> = records.iter().filter(|record| !record.disabled).collect();
        ordered.sort_by_key(|record| (record.order, &record.name));
        let plugins: Vec<Arc<Plugin>> =
            ordered.into_iter().map(|record| Arc::new(self.plugin(record, components))).collect();
        self.journals().retain(|name, _| {
            let stays = records.iter().any(|record| record.name == *name);
            if !stays {
                self.metrics.forget(name);
            }
            stays
        });
        self.forget(records);
        PluginSet::new(plugins)
    }

    /// Lets go of the code that no plugin has, but for what is prepared: the plugin that is to have that may come next.
    fn forget(&self, records: &[PluginRecord]) {
        let now = Instant::now();
        let has = |record: &PluginRecord, digest: &Digest| !record.disabled && record.digest == digest.as_slice();
        let in_force = |digest: &Digest| records.iter().any(|record| has(record, digest));
        self.compiled().retain(|digest, _| in_force(digest) || self.prepared().holds(digest, now));
        let Some(workshop) = &self.workshop else { return };
        let kept = |digest: &Digest| records.iter().any(|record| record.keeps(digest));
        if let Err(error) = workshop.shelf.retain(|digest| kept(digest) || self.prepared().holds(digest, now)) {
            tracing::warn!(%error, "machine code that no plugin has any more cannot be removed");
        }
    }

    fn plugin(&self, record: &PluginRecord, components: &Components<'_>) -> Plugin {
        let code = self.code_in_force(&record.digest, components);
        if let Err(error) = &code {
            tracing::error!(plugin = %record.name, %error, "a plugin in force cannot be run");
        }
        let journal = Arc::clone(self.journals().entry(record.name.clone()).or_default());
        Plugin::new(record, code.map_err(|error| (&error).into()), journal, self.metrics.of(&record.name))
    }

    fn code_in_force(&self, wanted: &[u8], components: &Components<'_>) -> Result<Code, AdmissionError> {
        if let Some(code) = self.compiled().get(wanted) {
            return Ok(code.clone());
        }
        let unusable = |reason: String| AdmissionError::NotAComponent { reason };
        let component = components(wanted).map_err(|error| unusable(error.to_string()))?;
        match component {
            Some(component) => match sha256(&component) {
                digest if digest == *wanted => self.code_of(&component, digest),
                _ => Err(unusable("its bytes do not match their digest".to_owned())),
            },
            None => Err(unusable("its bytes are missing".to_owned())),
        }
    }

    /// Has the code of a component kept if `check` has nothing against it, and also while it is compiled and checked.
    fn hold<T>(
        &self,
        component: &[u8],
        check: impl FnOnce(&Code) -> Result<T, AdmissionError>,
    ) -> Result<T, AdmissionError> {
        let digest = sha256(component);
        self.prepared().hold(digest, Instant::now());
        let checked = self.code_of(component, digest).and_then(|code| check(&code));
        match &checked {
            // Its time begins now: compiling may have taken long.
            Ok(_) => self.prepared().hold(digest, Instant::now()),
            Err(_) => self.prepared().release(&digest),
        }
        checked
    }

    pub(crate) fn code(&self, component: &[u8]) -> Result<Code, AdmissionError> {
        self.code_of(component, sha256(component))
    }

    fn code_of(&self, component: &[u8], digest: Digest) -> Result<Code, AdmissionError> {
        if component.len() > COMPONENT_BYTES_MAX {
            return Err(AdmissionError::TooLarge { bytes: component.len(), max: COMPONENT_BYTES_MAX });
        }
        if let Some(code) = self.compiled().get(&digest) {
            return Ok(code.clone());
        }
        // Not under the lock: compiling takes long, and doing it twice does no harm.
        let component = self.compile(component, &digest)?;
        let code = Code { instances: check(&self.wasm, &component)?, _ticker: Arc::clone(&self.ticker) };
        let mut compiled = self.compiled();
        if compiled.len() >= PLUGINS_MAX + SPARE_MAX {
            let now = Instant::now();
            compiled.retain(|digest, _| self.prepared().holds(digest, now));
        }
        compiled.insert(digest, code.clone());
        Ok(code)
    }

    fn compile(&self, bytes: &[u8], digest: &Digest) -> Result<Component, AdmissionError> {
        if bytes.starts_with(CORE_MODULE) {
            let hint = "it is a core module; turn it into a component first: strongroom plugin pack";
            return Err(unusable(hint.to_owned()));
        }
        match &self.workshop {
            Some(workshop) => workshop.code(&self.wasm, bytes, digest),
            None => Component::from_binary(&self.wasm, bytes).map_err(|error| unusable(format!("{error:#}"))),
        }
    }

    fn journals(&self) -> MutexGuard<'_, HashMap<String, Arc<Journal>>> {
        self.journals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn prepared(&self) -> MutexGuard<'_, Prepared> {
        self.prepared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn compiled(&self) -> MutexGuard<'_, HashMap<Digest, Code>> {
        // A cache is whole at every moment, whatever panicked while holding it.
        self.compiled.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn describe(code: &Code) -> Result<Description, AdmissionError> {
    let (told, _) = sandbox::run(&code.instances, &Grant::default(), None, Deadline::default(), |plugin, store| {
        plugin.strongroom_admission_policy().call_describe(store)
    });
    Description::check(told.map_err(|cause| AdmissionError::Undescribed { cause })?)
}

fn validate(code: &Code, settings: &str) -> Result<(), AdmissionError> {
    if settings.len() > SETTINGS_BYTES_MAX {
        let reason = format!("they have {} bytes; at most {SETTINGS_BYTES_MAX} are allowed", settings.len());
        return Err(AdmissionError::BadSettings { reason });
    }
    let (told, _) = sandbox::run(&code.instances, &Grant::default(), None, Deadline::default(), |plugin, store| {
        plugin.strongroom_admission_policy().call_validate_settings(store, settings)
    });
    let refused = |reason: String| AdmissionError::BadSettings { reason: one_line(&reason, MESSAGE_BYTES_MAX) };
    told.map_err(|cause| AdmissionError::Unvalidated { cause })?.map_err(refused)
}

/// Refuses what the contract does not allow.
fn check(engine: &wasmtime::Engine, component: &Component) -> Result<PluginPre<Bounds>, AdmissionError> {
    let component_type = component.component_type();
    let foreign = component_type.imports(engine).filter(|(name, _)| *name != HOST);
    let imports: Vec<String> = foreign.map(|(name, _)| one_line(name, MESSAGE_BYTES_MAX)).collect();
    if !imports.is_empty() {
        return Err(AdmissionError::ForbiddenImport { imports });
    }
    if component_type.get_export(engine, INTERFACE).is_none() {
        return Err(AdmissionError::MissingExport { expected: INTERFACE });
    }
    let mut linker = Linker::new(engine);
    contract::Plugin::add_to_linker::<_, HasSelf<_>>(&mut linker, |bounds: &mut Bounds| bounds)
        .map_err(|error| unusable(format!("{error:#}")))?;
    let instances = linker.instantiate_pre(component).map_err(|error| unusable(format!("{error:#}")))?;
    PluginPre::new(instances)
        .map_err(|error| AdmissionError::WrongExport { reason: one_line(&format!("{error:#}"), MESSAGE_BYTES_MAX) })
}

/// One for all: machine code is loaded only by an engine with the settings of the one that compiled it.
pub(crate) fn config() -> Config {
    let mut config = Config::new();
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool()))
        .epoch_interruption(true)
        .max_wasm_stack(STACK_BYTES_MAX)
        // A guest runs to its end or to its deadline on one thread.
        .concurrency_support(false)
        // The same verdict on every member, whatever its processor.
        .cranelift_nan_canonicalization(true)
        .wasm_relaxed_simd(false)
        .wasm_memory64(false)
        // What a guest's functions are called is nobody's business, and deep stacks are slow to walk.
        .wasm_backtrace_max_frames(None);
    config
}

fn pool() -> PoolingAllocationConfig {
    let count = |number: usize| u32::try_from(number).expect("the limits are small numbers");
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(count(INSTANCES_MAX))
        .total_core_instances(count(INSTANCES_MAX * CORE_INSTANCES_MEAN))
        .total_memories(count(INSTANCES_MAX))
        .total_tables(count(INSTANCES_MAX * TABLES_MEAN))
        .max_core_instances_per_component(count(PARTS_MAX))
        .max_memories_per_component(count(MEMORIES_MAX))
        .max_tables_per_component(count(PARTS_MAX))
        .max_memory_size(MEMORY_BYTES_MAX)
        // Memory that a guest has written is reset in place, rather than given back and faulted in again for the next one.
        .linear_memory_keep_resident(MEMORY_RESIDENT_BYTES)
        .table_keep_resident(TABLE_RESIDENT_BYTES)
        .pagemap_scan(Enabled::Auto)
        .table_elements(TABLE_ELEMENTS_MAX);
    pool
}

pub(crate) fn sha256(bytes: &[u8]) -> Digest {
    digest(&SHA256, bytes).as_ref().try_into().expect("SHA-256 has 32 bytes")
}

#[cfg(test)]
#[path = "engine_tests.rs"]
mod tests;
