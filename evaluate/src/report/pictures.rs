//! Items as pictures, with what was predicted for them.

use base64::{Engine, engine::general_purpose::STANDARD};
use maud::{Markup, html};
use pfp_compiler::error::Error;

use crate::{answers::Items, eval::DataSet};

/// Items in a gallery.
const SHOWN: usize = 8;

/// More classes than this have no bars of their own.
const MOST_BARS: usize = 40;

/// The largest picture that is drawn, in pixels.
const LARGEST: usize = 512 * 512;

/// Which items a gallery shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// Those with the most epistemic uncertainty; the total, where there is none.
    Uncertain,
    /// Those with the most confident wrong answers.
    Wrong,
}

impl Choice {
    pub const ALL: [Self; 2] = [Self::Uncertain, Self::Wrong];

    fn title(self) -> &'static str {
        match self {
            Self::Uncertain => "most uncertain",
            Self::Wrong => "wrong and most confident",
        }
    }

    /// The numbers of the items, the first in order first.
    fn pick(self, set: &DataSet, items: &Items) -> Vec<usize> {
        let confidence = items.confidence();
        let is_wrong = |item: &usize| {
            set.set.labels_per_item > 0 && !set.labels(*item).contains(&items.class[*item])
        };
        let has_epistemic = items.epistemic.iter().any(|&x| x > 0.0);
        let score = |item: usize| match self {
            Self::Wrong => confidence[item],
            Self::Uncertain if has_epistemic => items.epistemic[item].into(),
            Self::Uncertain => items.total[item].into(),
        };
        let candidates = (0..items.len()).filter(|item| self == Self::Uncertain || is_wrong(item));
        let mut chosen: Vec<_> = candidates.collect();
        chosen.sort_by(|&a, &b| score(b).total_cmp(&score(a)));
        chosen.truncate(SHOWN);
        chosen
    }
}

/// Some items of a set; `None` where there are none to show.
///
/// # Errors
///
/// Where an item cannot be read.
pub fn gallery(set: &DataSet, items: &Items, choice: Choice) -> Result<Option<Markup>, Error> {
    let chosen = choice.pick(set, items);
    if chosen.is_empty() {
        return Ok(None);
    }
    let cards = chosen.iter().map(|&item| card(set, items, item)).collect::<Result<Vec<_>, _>>()?;
    Ok(Some(html! {
        h3 { (set.set.name) ", " (choice.title()) }
        div.gallery { @for card in &cards { (card) } }
    }))
}

fn card(set: &DataSet, items: &Items, item: usize) -> Result<Markup, Error> {
    let classes = items.classes();
    let probabilities = &items.probabilities[item * classes..(item + 1) * classes];
    let labels = set.labels(item);
    let class = items.class[item];
    let confidence = probabilities.get(class).copied().unwrap_or(0.0);
    let picture = picture(&set.raw(item)?, &set.set.item_shape);
    Ok(html! {
        div.item {
            @if let Some(url) = picture {
                img src=(url) alt=(format!("item {item} of {}", set.set.name));
            }
            (bars(probabilities, labels))
            div { b { (class) } (format!(" at {:.1} %", 100.0 * confidence)) }
            @if !labels.is_empty() { div { "label " (list(labels)) } }
            div.muted {
                "item " (item) ", " (format!("{:.2}", items.aleatoric[item])) " aleatoric, "
                (format!("{:.2}", items.epistemic[item])) " epistemic"
            }
        }
    })
}

fn list(labels: &[usize]) -> String {
    labels.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ")
}

/// The probabilities of the classes.
fn bars(probabilities: &[f32], labels: &[usize]) -> Markup {
    const WIDTH: f64 = 12.0;
    const HEIGHT: f64 = 40.0;
    if probabilities.len() > MOST_BARS {
        return html! {};
    }
    let width = WIDTH * probabilities.len() as f64;
    let mark = |class: usize| if labels.contains(&class) { "label" } else { "" };
    html! {
        svg viewBox=(format!("0 0 {width} {}", HEIGHT + 11.0)) role="img"
            aria-label="probabilities of the classes" {
            line x1="0" x2=(width) y1=(HEIGHT) y2=(HEIGHT) {}
            @for (class, &p) in probabilities.iter().enumerate() {
                @let x = WIDTH * class as f64;
                @let height = HEIGHT * f64::from(p);
                rect class=(mark(class)) x=(x + 1.5) width=(WIDTH - 3.0)
                    y=(format!("{:.2}", HEIGHT - height)) height=(format!("{height:.2}")) {}
                text class=(mark(class)) x=(x + WIDTH / 2.0) y=(HEIGHT + 9.5) { (class) }
            }
        }
    }
}

/// Height, width and channels of an item that is a picture: `[H, W]`, `[1, H, W]` or `[3, H, W]`.
fn picture_shape(shape: &[usize]) -> Option<(usize, usize, usize)> {
    let (channels, height, width) = match shape {
        [height, width] => (1, *height, *width),
        [channels @ (1 | 3), height, width] => (*channels, *height, *width),
        _ => return None,
    };
    let is_picture = height > 1 && width > 1 && height.checked_mul(width)? <= LARGEST;
    is_picture.then_some((height, width, channels))
}

/// A `data:` address of a PNG, from the smallest number black to the largest white.
fn picture(values: &[f64], shape: &[usize]) -> Option<String> {
    let (height, width, channels) = picture_shape(shape)?;
    let pixels = height * width;
    if values.len() != pixels * channels {
        return None;
    }
    let finite = || values.iter().copied().filter(|x| x.is_finite());
    let (low, high) = (finite().fold(f64::INFINITY, f64::min), finite().fold(0.0, f64::max));
    let byte = |x: f64| (255.0 * (x - low) / (high - low).max(f64::MIN_POSITIVE)).round() as u8;
    let interleaved = (0..pixels)
        .flat_map(|pixel| (0..channels).map(move |channel| channel * pixels + pixel))
        .map(|index| byte(values[index]))
        .collect::<Vec<_>>();
    let png = encode(&interleaved, (width, height), channels).ok()?;
    Some(format!("data:image/png;base64,{}", STANDARD.encode(png)))
}

fn encode(
    bytes: &[u8],
    (width, height): (usize, usize),
    channels: usize,
) -> Result<Vec<u8>, png::EncodingError> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width as u32, height as u32);
    encoder.set_color(if channels == 3 { png::ColorType::Rgb } else { png::ColorType::Grayscale });
    encoder.set_depth(png::BitDepth::Eight);
    encoder.write_header()?.write_image_data(bytes)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_planes_of_one_or_three_channels() {
        assert_eq!(picture_shape(&[28, 28]), Some((28, 28, 1)));
        assert_eq!(picture_shape(&[3, 8, 9]), Some((8, 9, 3)));
        assert_eq!(picture_shape(&[2, 8, 9]), None);
        assert_eq!(picture_shape(&[784]), None);
        assert_eq!(picture_shape(&[1, 784]), None);
    }

    #[test]
    fn a_picture_keeps_its_pixels() {
        let url = picture(&[0.0, 4.0, 2.0, 1.0], &[2, 2]).unwrap();
        let png = STANDARD.decode(url.strip_prefix("data:image/png;base64,").unwrap()).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
        let mut bytes = vec![0; 4];
        reader.next_frame(&mut bytes).unwrap();
        assert_eq!(bytes, [0, 255, 128, 64]);
    }
}
