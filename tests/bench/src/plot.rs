//! The ratios as a picture (SVG): a bar from etcd's figure to Strongroom's for each row with a goal, and where the goal is.

use std::error::Error;

use plotters::{
    backend::SVGBackend,
    drawing::IntoDrawingArea as _,
    element::{PathElement, Rectangle, Text},
    style::{BLACK, Color as _, RGBColor, WHITE},
};

use crate::row::{Goal, Measured};

const WIDTH: i32 = 960;
const ROW_HEIGHT: i32 = 22;
const TOP: i32 = 48;

/// Where the axis begins and ends: titles are left of it, ratios right.
const AXIS: (i32, i32) = (450, 880);

/// Ends of the axis, as powers of ten of the ratio.
const DECADES: (f64, f64) = (-1.5, 1.5);

const FONT: &str = "sans-serif";
const GREY: RGBColor = RGBColor(150, 150, 150);

/// Met, and not: told apart by those who see red as green, too (Okabe and Ito 2008).
const MET: RGBColor = RGBColor(0, 114, 178);
const MISSED: RGBColor = RGBColor(230, 159, 0);

/// The picture.
///
/// # Panics
/// When it cannot be drawn, which is a bug.
pub(crate) fn draw(rows: &[Measured]) -> String {
    let mut picture = String::new();
    render(&mut picture, rows).expect("rectangles and texts can be drawn");
    picture
}

fn render(picture: &mut String, rows: &[Measured]) -> Result<(), Box<dyn Error>> {
    let rows: Vec<_> = rows.iter().filter_map(|row| Some((row, row.ratio()?, row.met()?))).collect();
    let height = TOP + ROW_HEIGHT * i32::try_from(rows.len())? + 12;
    let root = SVGBackend::with_string(picture, (WIDTH.unsigned_abs(), height.unsigned_abs())).into_drawing_area();
    root.fill(&WHITE)?;
    let title = "Strongroom to etcd (1x; logarithmic). Line: the goal. Blue: met, orange: not";
    root.draw(&Text::new(title, (10, 8), (FONT, 15)))?;
    for ratio in [0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0] {
        root.draw(&Text::new(format!("{ratio}"), (at(ratio) - 6, TOP - 16), (FONT, 11)))?;
        root.draw(&PathElement::new([(at(ratio), TOP), (at(ratio), height - 12)], GREY.mix(0.4)))?;
    }
    for ((row, ratio, met), top) in rows.into_iter().zip((TOP..).step_by(ROW_HEIGHT.unsigned_abs() as usize)) {
        let colour = if met { MET } else { MISSED };
        let (from, to) = (at(1.0).min(at(ratio)), at(1.0).max(at(ratio)).max(at(1.0) + 1));
        root.draw(&Text::new(row.row.title, (10, top + 4), (FONT, 12)))?;
        root.draw(&Rectangle::new([(from, top + 4), (to, top + ROW_HEIGHT - 4)], colour.filled()))?;
        if let Some(goal) = goal(row.row.goal) {
            root.draw(&PathElement::new(
                [(at(goal), top + 1), (at(goal), top + ROW_HEIGHT - 1)],
                BLACK.stroke_width(2),
            ))?;
        }
        root.draw(&Text::new(format!("{ratio:.2}x"), (AXIS.1 + 8, top + 4), (FONT, 12)))?;
    }
    root.draw(&PathElement::new([(at(1.0), TOP), (at(1.0), height - 12)], BLACK.stroke_width(1)))?;
    root.present()?;
    Ok(())
}

fn goal(goal: Goal) -> Option<f64> {
    match goal {
        Goal::AtLeast(ratio) | Goal::AtMost(ratio) | Goal::AloneAtLeast(ratio) | Goal::AloneAtMost(ratio) => {
            Some(ratio)
        }
        Goal::None => None,
    }
}

/// Where a ratio is on the axis; one beyond its ends is at the end.
fn at(ratio: f64) -> i32 {
    let share = (ratio.log10().clamp(DECADES.0, DECADES.1) - DECADES.0) / (DECADES.1 - DECADES.0);
    AXIS.0 + (share * f64::from(AXIS.1 - AXIS.0)).round() as i32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::{Row, Unit};

    #[test]
    fn rows_with_a_goal_are_drawn() {
        let row = |title, goal, etcd| Measured { row: Row::new(title, Unit::PerSecond, goal), strongroom: 4.0, etcd };
        let picture = draw(&[
            row("with a goal", Goal::AtLeast(3.0), Some(2.0)),
            row("of no goal", Goal::None, Some(2.0)),
            row("alone", Goal::AloneAtMost(5.0), None),
        ]);
        assert!(picture.contains("with a goal") && picture.contains("alone") && !picture.contains("of no goal"));
        assert!(picture.contains("2.00x") && picture.contains("4.00x"), "{picture}");
    }

    #[test]
    fn the_axis_is_logarithmic_and_ends() {
        assert_eq!(at(1.0) - at(0.1), at(10.0) - at(1.0));
        assert_eq!((at(0.0001), at(10_000.0)), AXIS);
    }
}
