//! The layers of a network as a picture: an SVG file, or a graph for Graphviz.

use std::fmt::Write;

use layout::{
    backends::svg::SVGWriter,
    core::{base::Orientation, color::Color, geometry::Point, style::StyleAttr},
    std_shapes::shapes::{Arrow, Element, ShapeKind},
    topo::layout::VisualGraph,
};
use pfp_compiler::{compile::Function, layers::Read, signature::Tensor};

/// A box of the picture.
struct Shape {
    lines: Vec<String>,
    kind: Kind,
}

/// What a box stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Port,
    Gaussian,
    Deterministic,
}

impl Kind {
    /// The colour of the box.
    fn color(self) -> u32 {
        match self {
            Self::Port => 0xffff_ffff,
            Self::Gaussian => 0xcfe2_f3ff,
            Self::Deterministic => 0xeeee_eeff,
        }
    }
}

/// The boxes of a function, and which of them read which.
struct Picture {
    name: String,
    shapes: Vec<Shape>,
    edges: Vec<(usize, usize)>,
}

impl Picture {
    fn of(function: &Function) -> Self {
        let Function { name, signature, layers, results, .. } = function;
        let port = |tensor: &Tensor| Shape {
            lines: vec![tensor.name.clone(), tensor.sizes()],
            kind: Kind::Port,
        };
        let mut shapes: Vec<_> = signature.inputs.iter().map(port).collect();
        let count = shapes.len();
        let place = |read: &Read| match *read {
            Read::Input(number) => number,
            Read::Layer(number) => count + number,
        };
        let mut edges = Vec::new();
        for (number, layer) in layers.iter().enumerate() {
            let title = layer.node.as_ref().unwrap_or(&layer.name).clone();
            let lines = vec![title, layer.op.clone(), sizes(&layer.output)];
            let kind = match layer.output.starts_with('!') {
                true => Kind::Gaussian,
                false => Kind::Deterministic,
            };
            shapes.push(Shape { lines, kind });
            edges.extend(layer.reads.iter().map(|read| (place(read), count + number)));
        }
        for (result, reads) in signature.outputs.iter().zip(results) {
            edges.extend(reads.iter().map(|read| (place(read), shapes.len())));
            shapes.push(port(result));
        }
        Self { name: name.clone(), shapes, edges }
    }
    /// The graph in the language of Graphviz.
    fn dot(&self) -> String {
        let mut text = format!(
            "digraph {} {{\n  node [shape=box, style=filled, fontname=\"sans-serif\"];\n",
            quoted(&self.name)
        );
        for (number, Shape { lines, kind }) in self.shapes.iter().enumerate() {
            let (label, color) = (quoted(&lines.join("\n")), kind.color() >> 8);
            let _ = writeln!(text, "  n{number} [label={label}, fillcolor=\"#{color:06x}\"];");
        }
        for (from, to) in &self.edges {
            let _ = writeln!(text, "  n{from} -> n{to};");
        }
        text + "}\n"
    }

    fn svg(&self) -> String {
        let mut graph = VisualGraph::new(Orientation::TopToBottom);
        let look = |kind: Kind| {
            let rounded = if kind == Kind::Port { 15 } else { 3 };
            StyleAttr::new(
                Color::new(0x4444_44ff),
                1,
                Some(Color::new(kind.color())),
                rounded,
                FONT,
            )
        };
        let mut handles = Vec::new();
        for Shape { lines, kind } in &self.shapes {
            let longest = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0);
            let size = Point::new(
                longest as f64 * FONT as f64 * WIDTH + PADDING,
                lines.len() as f64 * FONT as f64 * HEIGHT + PADDING,
            );
            let shape = ShapeKind::new_box(&lines.join("\n"));
            let element = Element::create(shape, look(*kind), Orientation::TopToBottom, size);
            handles.push(graph.add_node(element));
        }
        for &(from, to) in &self.edges {
            if let (Some(&from), Some(&to)) = (handles.get(from), handles.get(to)) {
                graph.add_edge(Arrow::simple(""), from, to);
            }
        }
        let mut writer = SVGWriter::new();
        graph.do_it(false, false, false, &mut writer);
        writer.finalize()
    }
}

/// The size of letters, their mean width and the distance of lines relative to it, and what is around text.
const FONT: usize = 13;
const WIDTH: f64 = 0.62;
const HEIGHT: f64 = 1.3;
const PADDING: f64 = 16.0;

/// The sizes in a type such as `!gauss.tensor<2x3xf32>`.
fn sizes(ty: &str) -> String {
    let inside = ty.split_once('<').map_or(ty, |(_, rest)| rest).trim_end_matches('>');
    inside.rsplit_once('x').map_or("scalar", |(sizes, _)| sizes).replace('x', " x ")
}

/// A string of Graphviz, with lines apart.
fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("\"{escaped}\"")
}

/// The layers of a function as an SVG file.
pub fn svg(function: &Function) -> String {
    Picture::of(function).svg()
}

/// The layers of a function as a graph for Graphviz.
pub fn dot(function: &Function) -> String {
    Picture::of(function).dot()
}
