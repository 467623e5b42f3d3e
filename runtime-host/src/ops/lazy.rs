//! Globals that are made when somebody first reads them. To JavaScript they are data properties from
//! the beginning, also in their descriptor.

use std::ffi::c_void;

use v8::{
    FunctionCallbackArguments, Local, MapFnTo, PinScope, PropertyCallbackArguments, ReturnValue,
};

/// `lazyGlobal(object, name, make)`: gives `object` a property, not enumerable, whose value is what
/// `make(name)` returns. Also while the snapshot is made.
pub fn lazy_global<'s>(
    scope: &mut PinScope<'s, '_>,
    args: FunctionCallbackArguments<'s>,
    _rv: ReturnValue<'_>,
) {
    let object = Local::<v8::Object>::try_from(args.get(0));
    let name = Local::<v8::Name>::try_from(args.get(1));
    let (Ok(object), Ok(name)) = (object, name) else {
        return super::throw_type_error(scope, "an object and a name were expected");
    };
    object.set_lazy_data_property_with_data(
        scope,
        name,
        make,
        args.get(2),
        v8::PropertyAttribute::DONT_ENUM,
        v8::SideEffectType::HasSideEffect,
        v8::SideEffectType::HasSideEffect,
    );
}

fn make<'s>(
    scope: &mut PinScope<'s, '_>,
    name: Local<'s, v8::Name>,
    args: PropertyCallbackArguments<'s>,
    mut rv: ReturnValue<'_>,
) {
    let Ok(function) = Local::<v8::Function>::try_from(args.data()) else { return };
    let receiver = v8::undefined(scope).into();
    if let Some(value) = function.call(scope, receiver, &[name.into()]) {
        rv.set(value);
    }
}

/// The address that the snapshot refers to for such properties.
pub fn reference() -> *mut c_void {
    let getter: v8::AccessorNameGetterCallback = make.map_fn_to();
    getter as *mut c_void
}
