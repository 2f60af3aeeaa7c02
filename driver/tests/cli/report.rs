//! `pfp eval --report`: the page.

use std::{
    path::Path,
    process::{Command, Stdio},
    sync::OnceLock,
    time::{Duration, Instant},
};

use scraper::{Html, Selector};

use crate::{
    absent::skipped,
    fixture::{Dir, Ran, pfp, repository},
};

/// A name that would end an element, were it not escaped.
const HOSTILE: &str = "<script>alert(1)</script>&\"'";

/// The page of the built-in digits.
fn page() -> &'static str {
    static PAGE: OnceLock<String> = OnceLock::new();
    PAGE.get_or_init(|| {
        let dir = Dir::empty();
        let path = dir.path("report.html");
        let mut command = pfp();
        command.current_dir(repository().join("examples/digits")).args(["eval", "mlp.mlir"]);
        command.args(["--params", "mlp.safetensors", "--in-domain", "test"]);
        command.args(["--ambiguous", "ambiguous", "--ood", &format!("ood@name={HOSTILE}")]);
        command.args(["--scale", "1/16", "--normalize", "0.5,0.5", "--latency", "1,10"]);
        command.arg("--report").arg(&path);
        let ran = Ran::of(&mut command);
        assert!(ran.stderr.contains("report: "), "{ran:#?}");
        ran.ok();
        dir.text("report.html")
    })
}

/// What a selector finds on the page.
fn all<'a>(page: &'a Html, selector: &str) -> Vec<scraper::ElementRef<'a>> {
    page.select(&Selector::parse(selector).unwrap()).collect()
}

#[test]
fn the_page_is_well_formed_and_needs_nothing_else() {
    let parsed = Html::parse_document(page());
    assert_eq!(parsed.errors, [] as [&str; 0]);
    assert!(all(&parsed, "script, link, iframe, object, embed, base").is_empty());
    for element in all(&parsed, "*") {
        for (name, value) in element.value().attrs() {
            let refers = ["src", "href", "srcset", "action", "data", "poster"].contains(&name);
            assert!(!refers || value.starts_with("data:image/png;base64,"), "{name}={value}");
            assert!(!value.contains("url("), "{name}={value}");
        }
    }
    let style: String = all(&parsed, "style").iter().flat_map(|style| style.text()).collect();
    assert!(!style.contains("url(") && !style.contains("@import"), "{style}");
    // The name of a namespace is no reference.
    let text = page().replace("http://www.w3.org/2000/svg", "");
    assert!(!text.contains("http://") && !text.contains("https://"));
}

#[test]
fn text_of_users_is_escaped() {
    let parsed = Html::parse_document(page());
    assert!(!page().contains("<script"));
    let cells = all(&parsed, "td");
    assert!(cells.iter().any(|cell| cell.text().collect::<String>() == HOSTILE));
}

#[test]
fn the_page_shows_what_was_measured() {
    let parsed = Html::parse_document(page());
    let titles: Vec<String> =
        all(&parsed, "h2").iter().map(|title| title.text().collect()).collect();
    let sections = [
        "Can PFP be trusted on this data?",
        "Modes",
        "Reliability",
        "Selective answers",
        "Out of domain",
        "Uncertainty",
        "Items",
        "Numbers",
        "Reproduce",
    ];
    assert_eq!(titles, sections);
    let text = |selector: &str| -> Vec<String> {
        all(&parsed, selector).iter().map(|element| element.text().collect()).collect()
    };
    // The verdict has four measures of three sets; then there are three modes.
    assert_eq!(all(&parsed, "section:nth-of-type(1) tbody tr").len(), 3 * 4);
    assert_eq!(all(&parsed, "section:nth-of-type(2) tbody tr").len(), 3);
    assert_eq!(text(".set h3").len(), 3);
    assert!(text(".answer")[0].contains("test"), "{:?}", text(".answer"));
    // The bins of each mode hold all 400 items.
    for bins in all(&parsed, "details tbody") {
        let items: usize = bins
            .select(&Selector::parse("td:nth-child(2)").unwrap())
            .map(|cell| cell.text().collect::<String>().parse::<usize>().unwrap())
            .sum();
        assert_eq!(items, 400);
    }
    assert_eq!(all(&parsed, "details").len(), 3);
    for term in ["NLL", "ECE", "AURC", "FPR95", "nat", "AUROC", "noise"] {
        assert!(text("dt").iter().any(|name| name == term), "{term}");
    }
    let reproduce = text("section:last-of-type td");
    for row in ["processor", "date", "code for"] {
        assert!(reproduce.iter().any(|cell| cell == row), "{reproduce:?}");
    }
    // A table scrolls in itself, by the keyboard too.
    assert_eq!(all(&parsed, "table").len(), all(&parsed, ".scroll[tabindex] > table").len());
    // The mean network is faster than moments, and is not said to be slower by less than 1.
    let times = text("section:nth-of-type(2) tbody .muted").join(" ");
    assert!(times.contains("slower") && !times.contains("(0."), "{times}");
    // Plots: time, reliability of each mode, risk, two of detection, two for each of three sets.
    assert_eq!(all(&parsed, "figure svg").len(), 1 + 3 + 1 + 2 + 6);
    // Pictures of 8x8 pixels with ten bars each.
    let pictures = all(&parsed, ".item img").len();
    assert_eq!(all(&parsed, ".item svg rect").len(), 10 * pictures);
    assert!(pictures >= 3 * 8, "{pictures}");
    let command: String = all(&parsed, "pre").iter().flat_map(|pre| pre.text()).collect();
    assert!(command.contains("pfp eval mlp.mlir") && command.contains("--seed 0"), "{command}");
}

/// Runs a browser, for a minute at most.
fn browse(arguments: &[&str], page: &Path) -> String {
    let profile = Dir::empty();
    let mut child = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr"])
        .arg(format!("--user-data-dir={}", profile.path("").display()))
        .args(arguments)
        .arg(format!("file://{}", page.display()))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if start.elapsed() > Duration::from_secs(60) {
            child.kill().unwrap();
            panic!("chromium did not end");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    String::from_utf8_lossy(&child.wait_with_output().unwrap().stderr).into_owned()
}

#[test]
fn a_browser_shows_the_page_without_complaint() {
    if Command::new("chromium").arg("--version").output().is_err() {
        skipped("chromium is not installed (apt-get install chromium)");
        return;
    }
    let dir = Dir::empty();
    dir.write("report.html", page());
    let shot = dir.path("report.png");
    let option = format!("--screenshot={}", shot.display());
    let log = browse(&[&option, "--window-size=390,800"], &dir.path("report.html"));
    let complaints: Vec<_> = log.lines().filter(|line| line.contains("CONSOLE")).collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
    assert!(dir.read("report.png").starts_with(b"\x89PNG"), "{log}");
}
