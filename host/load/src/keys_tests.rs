use super::*;

#[test]
fn keys_are_numbers_below_the_prefix_and_are_read_back() {
    let space = KeySpace::new("bench/", Some(10), 1000).unwrap();
    assert_eq!(space.key(42), "bench/0042");
    assert_eq!(space.number(b"bench/0042"), Some(42));
    for stranger in ["bench/1000", "bench/042", "bench/00042", "bench/00x2", "other/0042"] {
        assert_eq!(space.number(stranger.as_bytes()), None, "{stranger}");
    }
}

#[test]
fn a_key_needs_room_for_all_its_digits() {
    assert_eq!(KeySpace::new("bench/", Some(9), 10_000).unwrap_err(), 10);
    assert_eq!(KeySpace::new("bench/", Some(10), 10_000).unwrap().key(9999), "bench/9999");
    assert_eq!(KeySpace::new("bench/", None, 10_000).unwrap().key_bytes(), 32);
    assert_eq!(KeySpace::new(&"x".repeat(40), None, 1).unwrap().key_bytes(), 41);
}

#[test]
fn the_end_of_a_prefix_is_the_next_one() {
    let end = |prefix: &str| KeySpace::new(prefix, None, 1).unwrap().prefix_end();
    assert_eq!(end("bench/"), "bench0");
    assert_eq!(end(""), "\0");
}

#[test]
fn a_sequence_is_shared_and_begins_again() {
    let picker = Picker::new(Order::Sequential, 3);
    let other = picker.clone();
    let mut random = Random::new(1);
    let picked: Vec<_> = (0..3).flat_map(|_| [picker.pick(&mut random), other.pick(&mut random)]).collect();
    assert_eq!(picked, [0, 1, 2, 0, 1, 2]);
}

#[test]
fn every_key_is_picked_at_random() {
    let (picker, mut random) = (Picker::new(Order::Random, 10), Random::new(1));
    let mut seen = [0; 10];
    (0..10_000).for_each(|_| seen[picker.pick(&mut random) as usize] += 1);
    assert!(seen.iter().all(|count| (800..1200).contains(count)), "{seen:?}");
}

#[test]
fn hot_keys_are_as_hot_as_documented() {
    const PICKS: u64 = 100_000;
    let (picker, mut random) = (Picker::new(Order::Hot, 10_000), Random::new(1));
    let picked: Vec<_> = (0..PICKS).map(|_| picker.pick(&mut random)).collect();
    let share = |below: u64| picked.iter().filter(|number| **number < below).count() as f64 / PICKS as f64;
    assert!((share(1) - 0.075).abs() < 0.005, "{}", share(1));
    assert!((share(100) - 0.5).abs() < 0.01, "{}", share(100));
    assert!(share(10_000) == 1.0 && share(9_000) < 1.0, "the last keys are picked, too, and none beyond");
    assert!((0..100).all(|_| Picker::new(Order::Hot, 1).pick(&mut random) == 0));
}
