//! What comes out where nothing goes wrong.

use super::*;

#[test]
fn the_first_step_is_the_whole_cluster_with_the_own_node_alone() {
    in_paused_time(async {
        let mut world = World::new();
        world.follow();
        let update = world.step(SOON).await.unwrap();
        assert_eq!(kinds(&update), ["node", "service", "slice"]);
        assert!(!update.went_back);
        assert_eq!(world.known()["web"], ["10.1.2.21"]);
        assert!(world.step(SOON).await.is_none(), "nothing else changed");
    });
}

#[test]
fn changes_come_as_they_are_made() {
    in_paused_time(async {
        let mut world = World::new();
        world.follow();
        world.step(SOON).await.unwrap();
        world.put("EndpointSlice", slice("web", &["10.1.2.21", "10.1.2.22"]));
        assert_eq!(kinds(&world.step(SOON).await.unwrap()), ["slice"]);
        assert_eq!(world.known()["web"], ["10.1.2.21", "10.1.2.22"]);
        world.put("Service", service("old", "172.20.0.11"));
        assert_eq!(kinds(&world.step(SOON).await.unwrap()), ["service"]);
        world.delete("Service", "old");
        assert_eq!(kinds(&world.step(SOON).await.unwrap()), ["service gone"]);
        world.put("Node", json!({"metadata": {"name": "n2", "labels": {"a": "b"}}}));
        assert!(world.step(SOON).await.is_none(), "another Node is nobody's business");
    });
}

#[test]
fn a_service_of_another_proxy_is_gone() {
    in_paused_time(async {
        let mut world = World::new();
        world.follow();
        world.step(SOON).await.unwrap();
        let mut other = service("web", "172.20.0.10");
        other["metadata"]["labels"] = json!({"service.kubernetes.io/service-proxy-name": "other"});
        world.put("Service", other);
        assert_eq!(kinds(&world.step(SOON).await.unwrap()), ["service gone"]);
        world.put("Service", service("web", "172.20.0.10"));
        assert_eq!(kinds(&world.step(SOON).await.unwrap()), ["service"]);
    });
}

#[test]
fn what_is_not_taken_for_long_is_taken_at_once() {
    in_paused_time(async {
        let mut world = World::new();
        world.follow();
        world.step(SOON).await.unwrap();
        for number in 0..1_000 {
            world.put("EndpointSlice", slice("web", &[&format!("10.1.2.{}", number % 200 + 1)]));
        }
        tokio::time::sleep(SOON).await;
        assert_eq!(kinds(&world.step(SOON).await.unwrap()), ["slice"]);
        assert_eq!(world.known()["web"], ["10.1.2.200"]);
    });
}

#[test]
fn a_day_of_quiet_costs_no_list() {
    in_paused_time(async {
        let mut world = World::new();
        world.follow();
        world.pass(Duration::from_secs(86_400)).await;
        for (kind, status) in world.shared.status() {
            assert_eq!((status.lists, status.trouble, status.failures), (1, None, 0), "{kind}");
            // A quiet watch is begun anew every 42 seconds.
            assert!((1_900..2_100).contains(&status.watches), "{kind}: {}", status.watches);
            assert!(status.heard.unwrap() > world.begun.elapsed() - Duration::from_secs(60));
        }
        world.put("Service", service("old", "172.20.0.11"));
        assert!(world.step(SOON).await.is_some());
    });
}

#[test]
fn the_state_at_once_is_the_first_step() {
    in_paused_time(async {
        let world = World::new();
        let client = kube::Client::new(world.server.clone(), "default");
        let api = Api { clients: client.into(), node: "n1".to_owned(), seed: 7 };
        let state = api.state(Duration::from_secs(30)).await.unwrap();
        assert_eq!(state.events.len(), 3);
        let api = Api { node: "n9".to_owned(), ..api };
        let missing = api.state(Duration::from_secs(30)).await.unwrap_err().to_string();
        assert!(
            missing.contains("Node n9") && missing.contains("--hostname-override"),
            "{missing}"
        );
    });
}
