//! Chapter 3 of the course: which free block serves a request. `docs/course/c/fits.c` is the same
//! in C, and prints the same.

mod course_lab;

use course_lab::{Lab, POLICIES, Policy, QUICK, Records};

/// Holes of these sizes, with walls between them, and nothing else free; and where they are.
fn make_holes(policy: Policy, sizes: [usize; 3]) -> (Lab, [usize; 3]) {
    let mut lab = Lab::new(policy, Records::Inline);
    let holes = sizes.map(|size| {
        let hole = lab.take(size);
        lab.take(16);
        hole
    });
    while lab.try_take(lab.stats().largest_free).is_some() {}
    for hole in holes {
        lab.put_back(hole);
    }
    (lab, holes)
}

/// Serves requests from the holes, and prints which.
fn serve((name, policy): (&str, Policy), sizes: [usize; 3], requests: &[usize]) {
    let (mut lab, holes) = make_holes(policy, sizes);
    let served = requests.iter().map(|&request| match lab.try_take(request) {
        None => format!("{request} nowhere"),
        Some(block) => {
            let hole = holes.iter().filter(|&&hole| hole <= block).count();
            format!("{request} in hole {hole}")
        }
    });
    println!("{name}: {}", served.collect::<Vec<_>>().join(", "));
}

fn main() {
    println!("-- 3.1 three holes, one request");
    for policy in POLICIES {
        serve(policy, [400, 1200, 304], &[300]);
    }
    println!("-- 3.2 where best fit does better");
    for policy in POLICIES {
        serve(policy, [1200, 400, 304], &[300, 400, 1200]);
    }
    println!("-- 3.3 where first fit does better");
    for policy in POLICIES {
        serve(policy, [1296, 1200, 16], &[1008, 1104, 240]);
    }
    println!("-- 3.4 next fit goes on where it stopped");
    for policy in &POLICIES[..2] {
        serve(*policy, [400, 1200, 304], &[300, 100, 50]);
    }
    println!("-- 3.5 quick fit takes what was freed last");
    for (name, policy) in POLICIES.into_iter().chain([QUICK]) {
        let mut lab = Lab::new(policy, Records::Inline);
        let mut blocks = [(); 8].map(|()| lab.take(48));
        let mut same = 0;
        for block in &mut blocks {
            let before = *block;
            lab.put_back(before);
            *block = lab.take(48);
            same += usize::from(*block == before);
        }
        println!("{name}: {same} of 8");
    }
}
