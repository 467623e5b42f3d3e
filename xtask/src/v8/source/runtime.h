// The headers that most files of v8_base_without_compiler, v8_compiler and
// torque_generated_definitions include, by one way or another. Written by `cargo xtask v8 --from-source`.
#include "src/api/api-inl.h"
#include "src/ast/ast.h"
#include "src/codegen/macro-assembler-inl.h"
#include "src/execution/frames-inl.h"
#include "src/execution/isolate-inl.h"
#include "src/heap/factory-inl.h"
#include "src/heap/heap-inl.h"
#include "src/logging/counters.h"
#include "src/objects/js-array-inl.h"
#include "src/objects/map-inl.h"
#include "src/objects/objects-inl.h"
