//===- codegen.cpp - what LLVM's C API does not say about targets ---------===//

#include "llvm-c/TargetMachine.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Target/TargetMachine.h"

#include <memory>
#include <string>

using namespace llvm;

/// Null where there is no backend for the triple.
static std::unique_ptr<MCSubtargetInfo> subtargetOf(const char *triple, const char *cpu) {
  std::string error;
  Triple parsed(triple);
  const Target *target = TargetRegistry::lookupTarget(parsed, error);
  if (!target)
    return nullptr;
  return std::unique_ptr<MCSubtargetInfo>(target->createMCSubtargetInfo(parsed, cpu, ""));
}

extern "C" {

/// Tells `report` the name of every CPU that LLVM knows for the triple. False
/// where there is no backend for it. The backends must have been initialised.
bool pfp_target_cpus(const char *triple, void (*report)(const char *, size_t, void *),
                     void *state) {
  std::unique_ptr<MCSubtargetInfo> subtarget = subtargetOf(triple, "");
  if (!subtarget)
    return false;
  for (const SubtargetSubTypeKV &cpu : subtarget->getAllProcessorDescriptions())
    report(cpu.Key, std::char_traits<char>::length(cpu.Key), state);
  return true;
}

/// Does LLVM know a CPU of this name, which may be an alias?
bool pfp_cpu_is_known(const char *triple, const char *cpu) {
  std::unique_ptr<MCSubtargetInfo> subtarget = subtargetOf(triple, "");
  return subtarget && subtarget->isCPUStringValid(cpu);
}

/// Has a CPU that LLVM knows all of these features, written `+a,+b`?
bool pfp_cpu_has_features(const char *triple, const char *cpu, const char *features) {
  std::unique_ptr<MCSubtargetInfo> subtarget = subtargetOf(triple, cpu);
  return subtarget && subtarget->checkFeatures(features);
}

/// Objects of this machine get a section `.stack_sizes`.
void pfp_emit_stack_sizes(LLVMTargetMachineRef machine) {
  reinterpret_cast<TargetMachine *>(machine)->Options.EmitStackSizeSection = true;
}

} // extern "C"
