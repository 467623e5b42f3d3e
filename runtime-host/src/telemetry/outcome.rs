//! How an invocation ended.

/// The outcomes of Workers' tail events, as logs and metrics name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    Ok,
    /// The handler threw, or will never produce a response.
    Exception,
    ExceededCpu,
    ExceededMemory,
    ExceededWallTime,
    /// The client went away before the response began.
    Canceled,
    ScriptNotFound,
    /// The host refused the work for lack of capacity.
    LoadShed,
    /// The client went away while the response was being sent.
    ResponseStreamDisconnected,
    InternalError,
    /// The request had gone through too many Workers already. Not one of Workers' own outcomes.
    LoopDetected,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 11] = [
        Self::Ok,
        Self::Exception,
        Self::ExceededCpu,
        Self::ExceededMemory,
        Self::ExceededWallTime,
        Self::Canceled,
        Self::ScriptNotFound,
        Self::LoadShed,
        Self::ResponseStreamDisconnected,
        Self::InternalError,
        Self::LoopDetected,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Exception => "exception",
            Self::ExceededCpu => "exceededCpu",
            Self::ExceededMemory => "exceededMemory",
            Self::ExceededWallTime => "exceededWallTime",
            Self::Canceled => "canceled",
            Self::ScriptNotFound => "scriptNotFound",
            Self::LoadShed => "loadShed",
            Self::ResponseStreamDisconnected => "responseStreamDisconnected",
            Self::InternalError => "internalError",
            Self::LoopDetected => "loopDetected",
        }
    }
}
