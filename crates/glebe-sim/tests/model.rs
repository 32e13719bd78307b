//! The model as a whole: nothing is lost, the same seed gives the same figures, and what must not
//! matter does not.

use glebe_sim::experiment::{Order, carry_out};
use glebe_sim::machine;
use glebe_sim::policy::Policy;
use glebe_sim::workloads::{Effort, Name};
use strum::IntoEnumIterator;

/// Enough to fill heaps and to turn over a part of them.
const SHORT: Effort = Effort { calls: 500 };

/// Each run ends with a check of every slab, run, page and line.
fn holds(name: machine::Name, policies: &[Policy]) {
    let machine = name.machine().scaled();
    for workload in Name::iter().filter(|name| name.applies(&machine)) {
        for &policy in policies {
            let figures = workload.run(&machine, policy, SHORT, 5);
            assert!(figures.calls > 0 && figures.ns > 2.5, "{workload} {policy}");
        }
    }
}

#[test]
fn every_workload_holds_under_every_policy() {
    let policies: Vec<Policy> = Policy::iter().collect();
    holds(machine::Name::TwoChiplets, &policies);
}

#[test]
fn every_machine_holds() {
    for name in machine::Name::iter() {
        holds(name, &[Policy::Flat, Policy::ComplexBoth]);
    }
}

#[test]
fn the_same_seed_gives_the_same_figures() {
    let machine = machine::Name::TwoChiplets.machine().scaled();
    for workload in Name::iter() {
        let run = |seed| workload.run(&machine, Policy::Strides, SHORT, seed);
        assert_eq!(run(3), run(3), "{workload}");
        assert_ne!(run(3), run(4), "{workload}");
    }
}

/// On one node all that is by node is as it is today, to the last nanosecond; and nothing is on
/// another node.
#[test]
fn one_node_has_nothing_to_share_out() {
    let machine = machine::Name::Chiplets.machine().scaled();
    for workload in Name::iter().filter(|name| name.applies(&machine)) {
        let run = |policy| workload.run(&machine, policy, SHORT, 9);
        let flat = run(Policy::Flat);
        assert_eq!(flat.beyond_node + flat.far_pages, 0.0, "{workload}");
        for policy in [Policy::Node, Policy::NodeLent, Policy::NodePurged] {
            assert_eq!(run(policy), flat, "{workload} {policy}");
        }
    }
}

/// Runs that are never lent stay where they are.
#[test]
fn what_is_not_lent_is_near() {
    let machine = machine::Name::TwoChiplets.machine().scaled();
    for workload in [Name::Tide, Name::Large] {
        let far = |policy| workload.run(&machine, policy, Effort::QUICK, 1).far_pages;
        assert_eq!(far(Policy::Node), 0.0, "{workload}");
        assert!(far(Policy::Flat) > 0.02, "{workload}");
    }
}

#[test]
fn the_null_arm_is_near_one_and_flat_is_one() {
    let order = Order {
        workloads: vec![Name::Churn, Name::PairsApart],
        policies: vec![Policy::NodeLent],
        rounds: 2,
        effort: Effort::QUICK,
        ..Order::full(vec![machine::Name::TwoMonoliths], 4)
    };
    let mut told = 0;
    let report = carry_out(&order, |_| told += 1);
    assert_eq!((told, report.rows.len()), (order.runs(), 6));
    for row in &report.rows {
        match (row.policy, row.null) {
            (Policy::Flat, false) => assert_eq!((row.time, row.memory), (1.0, 1.0)),
            (Policy::Flat, true) => assert!((0.8..1.25).contains(&row.time), "{row:?}"),
            _ => assert!(row.spread[0] <= row.time && row.time <= row.spread[1]),
        }
    }
}
