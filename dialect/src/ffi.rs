//! The C functions of glue/Gauss.cpp.

use mlir_sys::{
    MlirAttribute, MlirDialectRegistry, MlirLocation, MlirOperation, MlirStringRef, MlirType,
};

unsafe extern "C" {
    pub fn gauss_register_dialect(registry: MlirDialectRegistry);
    pub fn gauss_type_is_tensor(ty: MlirType) -> bool;
    pub fn gauss_type_nodes(ty: MlirType) -> i64;
    pub fn gauss_tensor_type_get_checked(
        location: MlirLocation,
        rank: isize,
        shape: *const i64,
        element: MlirType,
        nodes: i64,
    ) -> MlirType;
    pub fn gauss_elements_count(attribute: MlirAttribute) -> i64;
    pub fn gauss_elements_read_f32(attribute: MlirAttribute, out: *mut f32) -> bool;
    pub fn gauss_emit_op_error(
        op: MlirOperation,
        message: MlirStringRef,
        at: MlirLocation,
        note: MlirStringRef,
    );
    pub fn gauss_emit_op_remark(
        op: MlirOperation,
        message: MlirStringRef,
        at: MlirLocation,
        note: MlirStringRef,
    );
    pub fn gauss_emit_error(at: MlirLocation, message: MlirStringRef, note: MlirStringRef);
}
