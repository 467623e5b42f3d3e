//! As much of Envoy as a proxy-wasm filter sees (ABI 0.2.1), around an interpreter: fast to start, and
//! without V8.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use wasmi::{
    Caller, Config, Engine, Error, Extern, ExternType, Instance, Linker, Module, Store, Val,
};

/// Statuses of the ABI.
const OK: u32 = 0;
const NOT_FOUND: u32 = 1;
const CAS_MISMATCH: u32 = 8;
/// Kinds of buffers and maps.
const PLUGIN_CONFIGURATION: u64 = 7;
const REQUEST_HEADERS: u64 = 0;

/// Shared data of several VMs: the value and its number.
pub type Shared = Arc<Mutex<HashMap<String, (Vec<u8>, u32)>>>;

/// What the filter did, and what it is told.
#[derive(Debug, Default)]
pub struct World {
    pub configuration: Vec<u8>,
    pub headers: Vec<(String, String)>,
    pub now_ns: u64,
    pub shared: Shared,
    pub log: Vec<String>,
    pub state: BTreeMap<String, String>,
    /// Keys that were declared, and foreign functions that were called.
    pub foreign: Vec<String>,
    pub reply: Option<Reply>,
    pub metrics: BTreeMap<String, u64>,
    names: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub status: u64,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

/// One VM with one configuration.
pub struct Vm {
    pub store: Store<World>,
    instance: Instance,
    next: i32,
}

/// Fuel that no test needs.
const FUEL: u64 = 1 << 40;
const ROOT: i32 = 1;

impl Vm {
    /// Starts a VM; an error with the filter's log when it refuses the configuration.
    pub fn start(module: &[u8], configuration: &str, shared: &Shared) -> Result<Self, String> {
        let mut config = Config::default();
        config.consume_fuel(true);
        let engine = Engine::new(&config);
        let module = Module::new(&engine, module).expect("a module");
        let world = World {
            configuration: configuration.as_bytes().to_vec(),
            now_ns: 1_000_000_000,
            shared: Arc::clone(shared),
            ..World::default()
        };
        let mut store = Store::new(&engine, world);
        store.set_fuel(FUEL).expect("fuel is counted");
        let mut linker = Linker::new(&engine);
        for import in module.imports() {
            let ExternType::Func(kind) = import.ty() else { panic!("{import:?} is no function") };
            let name = import.name().to_owned();
            let call = move |mut caller: Caller<'_, World>, arguments: &[Val], out: &mut [Val]| {
                let arguments: Vec<u64> = arguments.iter().map(number).collect();
                let status = Call { caller: &mut caller }.dispatch(&name, &arguments)?;
                out[0] = Val::I32(status.cast_signed());
                Ok(())
            };
            linker.func_new(import.module(), import.name(), kind.clone(), call).expect("a name");
        }
        let instance = linker.instantiate_and_start(&mut store, &module).expect("an instance");
        let mut vm = Self { store, instance, next: ROOT + 1 };
        vm.call("_initialize", &[]);
        vm.call("proxy_on_context_create", &[ROOT, 0]);
        assert_eq!(vm.call("proxy_on_vm_start", &[ROOT, 0]), 1);
        let size = configuration.len().try_into().expect("a size");
        match vm.call("proxy_on_configure", &[ROOT, size]) {
            1 => Ok(vm),
            _ => Err(vm.store.data().log.join("\n")),
        }
    }

    fn call(&mut self, name: &str, arguments: &[i32]) -> i32 {
        self.try_call(name, arguments).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn try_call(&mut self, name: &str, arguments: &[i32]) -> Result<i32, Error> {
        let function = self.instance.get_func(&self.store, name).expect(name);
        let results = function.ty(&self.store).results().len();
        let mut out = vec![Val::I32(0); results];
        let arguments: Vec<Val> = arguments.iter().copied().map(Val::I32).collect();
        function.call(&mut self.store, &arguments, &mut out)?;
        Ok(out.first().and_then(Val::i32).unwrap_or_default())
    }

    /// Sends a request's head through; the filter's answer, if it gave one.
    pub fn request(&mut self, headers: &[(&str, &str)]) -> Option<Reply> {
        self.try_request(headers).unwrap_or_else(|error| panic!("{error}"))
    }

    /// The same, with the trap that a panic ends in.
    pub fn try_request(&mut self, headers: &[(&str, &str)]) -> Result<Option<Reply>, Error> {
        let world = self.store.data_mut();
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        world.headers = headers.iter().map(own).collect();
        world.state.clear();
        world.reply = None;
        let (id, count) = (self.next, headers.len().try_into().expect("few"));
        self.next += 1;
        self.try_call("proxy_on_context_create", &[id, ROOT])?;
        let action = self.try_call("proxy_on_request_headers", &[id, count, 1])?;
        self.try_call("proxy_on_delete", &[id])?;
        let reply = self.store.data_mut().reply.take();
        assert_eq!(action, i32::from(reply.is_some()), "it stops for an answer, and only then");
        Ok(reply)
    }

    /// Instructions, or so, of one request.
    pub fn cost(&mut self, headers: &[(&str, &str)]) -> u64 {
        let before = self.store.get_fuel().expect("fuel is counted");
        self.request(headers);
        before - self.store.get_fuel().expect("fuel is counted")
    }

    pub fn world(&self) -> &World {
        self.store.data()
    }

    pub fn metric(&self, name: &str) -> u64 {
        self.world().metrics.get(name).copied().unwrap_or_else(|| panic!("no metric {name}"))
    }
}

fn number(value: &Val) -> u64 {
    match value {
        Val::I32(number) => u64::from(number.cast_unsigned()),
        Val::I64(number) => number.cast_unsigned(),
        other => panic!("{other:?} in the ABI"),
    }
}

/// One call of the filter.
struct Call<'c, 's> {
    caller: &'c mut Caller<'s, World>,
}

impl Call<'_, '_> {
    fn dispatch(&mut self, name: &str, a: &[u64]) -> Result<u32, Error> {
        match name {
            "proxy_log" => {
                let line = self.text(a[1], a[2]);
                self.caller.data_mut().log.push(line);
            }
            "proxy_get_current_time_nanoseconds" => {
                let now = self.caller.data().now_ns;
                self.write(a[0], &now.to_le_bytes());
            }
            "proxy_get_buffer_bytes" => {
                assert_eq!(a[0], PLUGIN_CONFIGURATION);
                let bytes = self.caller.data().configuration.clone();
                self.give(&bytes, a[3], a[4])?;
            }
            "proxy_get_header_map_pairs" => {
                assert_eq!(a[0], REQUEST_HEADERS);
                let bytes = serialize(&self.caller.data().headers);
                self.give(&bytes, a[1], a[2])?;
            }
            "proxy_remove_header_map_value" => {
                let wanted = self.text(a[1], a[2]);
                self.caller.data_mut().headers.retain(|(name, _)| *name != wanted);
            }
            "proxy_set_property" => {
                let (key, value) = (self.text(a[0], a[1]), self.text(a[2], a[3]));
                self.caller.data_mut().state.insert(key, value);
            }
            "proxy_get_property" => {
                assert_eq!(self.text(a[0], a[1]), "source\0address");
                self.give(b"192.0.2.7:4711", a[2], a[3])?;
            }
            "proxy_get_shared_data" => {
                let key = self.text(a[0], a[1]);
                let found = lock(&self.caller.data().shared).get(&key).cloned();
                let Some((value, state)) = found else { return Ok(NOT_FOUND) };
                self.give(&value, a[2], a[3])?;
                self.write(a[4], &state.to_le_bytes());
            }
            "proxy_set_shared_data" => return Ok(self.set_shared_data(a)),
            "proxy_define_metric" => {
                let name = self.text(a[1], a[2]);
                let world = self.caller.data_mut();
                world.names.push(name.clone());
                world.metrics.insert(name, 0);
                let id = u32::try_from(world.names.len()).unwrap_or_default();
                self.write(a[3], &id.to_le_bytes());
            }
            "proxy_increment_metric" => {
                let world = self.caller.data_mut();
                let name = &world.names[a[0] as usize - 1];
                *world.metrics.entry(name.clone()).or_default() += a[1];
            }
            "proxy_call_foreign_function" => {
                let call = format!("{} {:?}", self.text(a[0], a[1]), self.text(a[2], a[3]));
                self.caller.data_mut().foreign.push(call);
                self.give(b"", a[4], a[5])?;
            }
            "proxy_send_local_response" => {
                let reply = Reply {
                    status: a[0],
                    body: self.text(a[3], a[4]),
                    headers: deserialize(&self.bytes(a[5], a[6])),
                };
                self.caller.data_mut().reply = Some(reply);
            }
            other => return Err(Error::new(format!("the filter called {other}"))),
        }
        Ok(OK)
    }

    /// As Envoy does it: without data there is nothing to compare with.
    fn set_shared_data(&mut self, a: &[u64]) -> u32 {
        let (key, value) = (self.text(a[0], a[1]), self.bytes(a[2], a[3]));
        let mut shared = lock(&self.caller.data().shared);
        let state = shared.get(&key).map(|(_, state)| *state);
        if state.is_some_and(|state| a[4] != 0 && u64::from(state) != a[4]) {
            return CAS_MISMATCH;
        }
        shared.insert(key, (value, state.unwrap_or(0) + 1));
        OK
    }

    fn memory(&self) -> wasmi::Memory {
        self.caller.get_export("memory").and_then(Extern::into_memory).expect("memory")
    }

    fn bytes(&self, at: u64, length: u64) -> Vec<u8> {
        let (at, length) = (at as usize, length as usize);
        self.memory().data(&*self.caller)[at..at + length].to_vec()
    }

    fn text(&self, at: u64, length: u64) -> String {
        String::from_utf8_lossy(&self.bytes(at, length)).into_owned()
    }

    fn write(&mut self, at: u64, bytes: &[u8]) {
        let memory = self.memory();
        memory.write(&mut *self.caller, at as usize, bytes).expect("inside of the memory");
    }

    /// Bytes in memory that the filter allocates, and frees.
    fn give(&mut self, bytes: &[u8], pointer: u64, size: u64) -> Result<(), Error> {
        let malloc = self.caller.get_export("malloc").and_then(Extern::into_func).expect("malloc");
        let length = i32::try_from(bytes.len()).expect("small");
        let mut out = [Val::I32(0)];
        malloc.call(&mut *self.caller, &[Val::I32(length)], &mut out)?;
        let at = number(&out[0]);
        self.write(at, bytes);
        self.write(pointer, &(at as u32).to_le_bytes());
        self.write(size, &length.to_le_bytes());
        Ok(())
    }
}

fn lock(shared: &Shared) -> std::sync::MutexGuard<'_, HashMap<String, (Vec<u8>, u32)>> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Their number, the lengths of each, then the texts with a zero after each.
fn serialize(pairs: &[(String, String)]) -> Vec<u8> {
    let length = |text: &str| u32::try_from(text.len()).unwrap_or_default().to_le_bytes();
    let mut bytes = u32::try_from(pairs.len()).unwrap_or_default().to_le_bytes().to_vec();
    for (name, value) in pairs {
        bytes.extend(length(name));
        bytes.extend(length(value));
    }
    for text in pairs.iter().flat_map(|(name, value)| [name, value]) {
        bytes.extend(text.as_bytes());
        bytes.push(0);
    }
    bytes
}

fn deserialize(bytes: &[u8]) -> Vec<(String, String)> {
    let word = |at: usize| {
        bytes.get(at..at + 4).and_then(|w| w.try_into().ok()).map_or(0, u32::from_le_bytes) as usize
    };
    let count = word(0);
    let mut at = 4 + 8 * count;
    let mut text = |length: usize| {
        let text = String::from_utf8_lossy(&bytes[at..at + length]).into_owned();
        at += length + 1;
        text
    };
    (0..count).map(|i| (text(word(4 + 8 * i)), text(word(8 + 8 * i)))).collect()
}
