//===- codegen.cpp - what LLVM's C API does not say about targets ---------===//

#include "llvm-c/TargetMachine.h"
#include "llvm/IR/Module.h"
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

/// Guards the indirect calls and the return addresses of a module, with the attributes and
/// flags that Clang gives for -mbranch-protection and -fcf-protection. `signs` is of AArch64.
void pfp_protect_branches(LLVMModuleRef raw, bool pads, bool signs) {
  Module &module = *unwrap(raw);
  auto flag = [&](const char *name, bool value) {
    module.addModuleFlag(Module::Min, name, uint32_t(value));
  };
  if (!module.getTargetTriple().isAArch64()) {
    // A module without the flags is linked as one that does not know of them.
    if (pads) {
      flag("cf-protection-branch", true);
      flag("cf-protection-return", true);
    }
    return;
  }
  flag("branch-target-enforcement", pads);
  flag("sign-return-address", signs);
  flag("sign-return-address-all", false);
  flag("sign-return-address-with-bkey", false);
  for (Function &function : module) {
    if (function.isDeclaration())
      continue;
    if (pads)
      function.addFnAttr("branch-target-enforcement");
    if (signs) {
      function.addFnAttr("sign-return-address", "non-leaf");
      function.addFnAttr("sign-return-address-key", "a_key");
    }
  }
}

} // extern "C"
