//! What is refused, with its place.

use super::*;

#[test]
fn what_cannot_be_decoded_is_named_with_its_place() {
    assert_eq!(refused("", &none), "the module has no function 'main'");
    assert_eq!(
        refused("func.func private @main(tensor<1xf32>)", &none),
        "-:1:1: 'func.func' op 'main' is declared but has no body"
    );
    assert_eq!(
        refused(&main_of("(%x: tensor<1xi32>)", "return"), &none),
        "input 0 of 'main' is tensor<1xi32>; the interpreter takes tensors of f32"
    );
    assert_eq!(
        refused(&main_of("()", "cf.br ^next\n^next:\nreturn"), &none),
        "-:1:1: 'func.func' op 'main' has control flow"
    );
    assert_eq!(
        refused(
            &main_of("(%x: tensor<1xf32>)", "  %y = arith.negf %x : tensor<1xf32>\nreturn"),
            &none
        ),
        "-:2:8: 'arith.negf' op is not an op that the interpreter knows"
    );
    assert_eq!(
        refused(&main_of("()", "%c = arith.constant 1.0 : f32\nreturn"), &none),
        "-:2:6: 'arith.constant' op has a result that is f32; the interpreter takes tensors of f32"
    );
    assert_eq!(
        refused(&main_of("()", "call @main() : () -> ()\nreturn"), &none),
        "-:2:1: 'func.call' op calls 'main' from within it: no recursion"
    );
    assert_eq!(
        refused(
            "func.func @main() {\n call @f() : () -> ()\nreturn }\nfunc.func @f() {
                 call @g() : () -> ()\nreturn }\nfunc.func private @g()",
            &none
        ),
        "-:7:1: 'func.func' op 'g' is declared but has no body"
    );
}

#[test]
fn calls_may_not_nest_without_end() {
    let chain = |depth: usize| {
        let callee = |i: usize| format!("f{i}");
        let function = |i: usize| {
            let name = if i == 0 { "main".into() } else { callee(i) };
            format!("func.func @{name}() {{\n call @{}() : () -> ()\n return\n}}\n", callee(i + 1))
        };
        let functions: String = (0..depth).map(function).collect();
        format!("{functions}func.func @{}() {{\n return\n}}", callee(depth))
    };
    assert_eq!(program(&chain(63), &none).unwrap().run(&[]), Ok(Vec::new()));
    assert_eq!(
        refused(&chain(64), &none),
        "-:254:2: 'func.call' op is nested in more than 64 calls"
    );
}

#[test]
fn parameters_must_fit() {
    let source = main_of(
        "()",
        "%w = gauss.parameter \"w\" : !gauss.tensor<2xf32>
         %v = gauss.parameter \"w\" : tensor<2xf32>
         return",
    );
    let with = |tensor: Tensor| refused(&source, &move |_: &str, _: &_| Ok(tensor.clone()));
    assert_eq!(refused(&source, &none), "-:2:6: 'gauss.parameter' op 'w' has no value");
    assert_eq!(
        with(gaussian(&[3], &[0.0; 3], &[0.0; 3])),
        "-:2:6: 'gauss.parameter' op 'w' is !gauss.tensor<2xf32>, not !gauss.tensor<3xf32>"
    );
    assert_eq!(
        with(exact(&[2], &[0.0; 2])),
        "-:2:6: 'gauss.parameter' op 'w' is !gauss.tensor<2xf32>, but has no variances"
    );
    assert_eq!(
        with(gaussian(&[2], &[0.0; 2], &[0.0])),
        "-:2:6: 'gauss.parameter' op 'w' has shape [2] but 1 variances"
    );
    assert_eq!(
        with(gaussian(&[2], &[0.0; 2], &[0.0, -0.5])),
        "-:2:6: 'gauss.parameter' op 'w' has variance -0.5 at element 1; it must not be negative"
    );
    assert_eq!(
        with(gaussian(&[2], &[0.0; 2], &[0.0; 2])),
        "-:3:15: 'gauss.parameter' op 'w' is tensor<2xf32> here and !gauss.tensor<2xf32> elsewhere"
    );
}

#[test]
fn inputs_must_fit() {
    let program =
        program(&main_of("(%x: !gauss.tensor<?x2xf32>, %y: tensor<1xf32>)", "return"), &none)
            .unwrap();
    let y = exact(&[1], &[0.0]);
    let with = |x: Tensor| program.run(&[x, y.clone()]).expect_err("an error").to_string();
    assert_eq!(program.run(&[]).unwrap_err().to_string(), "'main' takes 2 input(s), got 0");
    assert_eq!(
        with(gaussian(&[1, 3], &[0.0; 3], &[0.0; 3])),
        "input 0 of 'main' is !gauss.tensor<?x2xf32>, not !gauss.tensor<1x3xf32>"
    );
    assert_eq!(
        with(gaussian(&[2], &[0.0; 2], &[0.0; 2])),
        "input 0 of 'main' is !gauss.tensor<?x2xf32>, not !gauss.tensor<2xf32>"
    );
    assert_eq!(
        with(gaussian(&[0, 2], &[], &[])),
        "input 0 of 'main' is !gauss.tensor<?x2xf32>, not !gauss.tensor<0x2xf32>"
    );
    assert_eq!(
        with(exact(&[1, 2], &[0.0; 2])),
        "input 0 of 'main' is !gauss.tensor<?x2xf32>, but has no variances"
    );
    assert_eq!(
        with(gaussian(&[1, 2], &[0.0; 3], &[0.0; 2])),
        "input 0 of 'main' has shape [1, 2] but 3 means"
    );
    assert_eq!(
        with(gaussian(&[1, 2], &[0.0; 2], &[0.0, f64::NAN])),
        "input 0 of 'main' has variance NaN at element 1; it must not be negative"
    );
    let x = gaussian(&[1, 2], &[0.0; 2], &[0.0; 2]);
    let y = gaussian(&[1], &[0.0], &[0.0]);
    assert_eq!(
        program.run(&[x, y]).unwrap_err().to_string(),
        "input 1 of 'main' is tensor<1xf32>, but has variances"
    );
}

#[test]
fn what_only_the_values_show_is_an_error_of_the_op() {
    let run = |source: &str, inputs: &[Tensor]| {
        program(source, &none).unwrap().run(inputs).expect_err("an error").to_string()
    };
    let make = main_of(
        "(%m: tensor<1xf32>, %v: tensor<1xf32>)",
        "%x = gauss.make %m, %v : tensor<1xf32>\nreturn",
    );
    assert_eq!(
        run(&make, &[exact(&[1], &[0.0]), exact(&[1], &[-1.0])]),
        "-:2:6: 'gauss.make' op has variance -1 at element 0; it must not be negative"
    );
    // Two dynamic batches that differ.
    let add = main_of(
        "(%a: tensor<?xf32>, %b: tensor<?xf32>)",
        "%x = gauss.add %a, %b : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>\nreturn",
    );
    assert_eq!(
        run(&add, &[exact(&[3], &[0.0; 3]), exact(&[2], &[0.0; 2])]),
        "-:2:6: 'gauss.add' op adds tensor<3xf32> and tensor<2xf32>, whose shapes differ"
    );
    let norm = main_of(
        "(%x: tensor<1x1xf32>, %v: tensor<1xf32>)",
        "%y = gauss.batch_norm %x, %v, %v, %v, %v epsilon 0.5 : (tensor<1x1xf32>, tensor<1xf32>,
           tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x1xf32>\nreturn",
    );
    assert_eq!(
        run(&norm, &[exact(&[1, 1], &[0.0]), exact(&[1], &[-0.5])]),
        "-:2:6: 'gauss.batch_norm' op has running_variance -0.5 at channel 0; with epsilon 0.5 \
         added it must be positive"
    );
}
