//! What is compared.

use crate::floor::Answer;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Variant {
    /// Envoy and nothing else.
    Direct,
    /// Envoy's Lua filter, doing the same as the Worker.
    Lua,
    /// The no-op `ext_proc` server over a Unix socket.
    Floor,
    /// The same over TCP.
    FloorTcp,
    /// The same, skipping the response's phase request by request, as NANO does.
    FloorSkip,
    /// The same, taking the response's body as NANO does and giving it back as it came.
    FloorBody,
    Nano,
    /// NANO with all request attributes that `envoy/envoy.yaml` asks Envoy for.
    NanoFull,
    Workerd,
    /// The proxy-wasm filter, and an `ext_proc` that it keeps requests from.
    Filter,
}

impl Variant {
    pub fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Lua => "lua",
            Self::Floor => "floor",
            Self::FloorTcp => "floor-tcp",
            Self::FloorSkip => "floor-skip",
            Self::FloorBody => "floor-body",
            Self::Nano => "nano",
            Self::NanoFull => "nano-full",
            Self::Workerd => "workerd",
            Self::Filter => "filter",
        }
    }

    pub fn is_floor(self) -> bool {
        matches!(self, Self::Floor | Self::FloorTcp | Self::FloorSkip | Self::FloorBody)
    }

    /// What this floor answers where the scenario's floor answers `usual`.
    pub fn floor_answer(self, usual: Answer) -> Answer {
        if self == Self::FloorSkip { Answer::Skip } else { usual }
    }
}
