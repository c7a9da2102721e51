//! Feature gates: names that Kubernetes knows, and what may be said of each, as kube-proxy checks it.
//!
//! kube-proxy shares its gates with all of Kubernetes: it refuses a name that Kubernetes does not know, and a value of a locked gate that
//! is not the one it is locked to; it warns of each gate that is set and is general, or deprecated. (`featuregate/feature_gate.go` of
//! k8s.io/component-base.) Names that it forgot are taken here with a warning: old manifests have them.
//!
//! Sources: `test/compatibility_lifecycle/reference/versioned_feature_list.yaml` of Kubernetes 1.33, kubernetes.io's page of feature gates
//! for 1.34 and 1.35, and its page of those that are gone.

use std::collections::BTreeMap;

/// How far a feature has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Alpha,
    Beta,
    /// General, and locked: on for good.
    Locked,
    /// Kubernetes does not know the name any more.
    Gone,
}

/// Gates that concern a service proxy, as of Kubernetes 1.35.
const OF_PROXIES: &[(&str, Stage)] = &[
    ("AllAlpha", Stage::Alpha),
    ("AllBeta", Stage::Beta),
    ("ComponentFlagz", Stage::Alpha),
    ("ComponentStatusz", Stage::Alpha),
    ("ContextualLogging", Stage::Beta),
    ("LoggingAlphaOptions", Stage::Alpha),
    ("LoggingBetaOptions", Stage::Beta),
    ("NFTablesProxyMode", Stage::Locked),
    ("PreferSameTrafficDistribution", Stage::Locked),
    ("ServiceTrafficDistribution", Stage::Locked),
    ("TopologyAwareHints", Stage::Beta),
    ("WatchListClient", Stage::Beta),
    ("WinDSR", Stage::Locked),
    ("WinOverlay", Stage::Locked),
    ("LoadBalancerIPMode", Stage::Locked),
    ("DualStack", Stage::Gone),
    ("EndpointSlice", Stage::Gone),
    ("EndpointSliceNodeName", Stage::Gone),
    ("EndpointSliceProxying", Stage::Gone),
    ("EndpointSliceTerminatingCondition", Stage::Gone),
    ("ExpandedDNSConfig", Stage::Gone),
    ("ExternalPolicyForExternalIP", Stage::Gone),
    ("HyperVContainer", Stage::Gone),
    ("IPTablesOwnershipCleanup", Stage::Gone),
    ("IPv6DualStack", Stage::Gone),
    ("KubeProxyDrainingTerminatingNodes", Stage::Gone),
    ("MinimizeIPTablesRestore", Stage::Gone),
    ("MixedProtocolLBService", Stage::Gone),
    ("NetworkPolicyEndPort", Stage::Gone),
    ("ProxyTerminatingEndpoints", Stage::Gone),
    ("SCTPSupport", Stage::Gone),
    ("ServiceAppProtocol", Stage::Gone),
    ("ServiceInternalTrafficPolicy", Stage::Gone),
    ("ServiceIPStaticSubrange", Stage::Gone),
    ("ServiceLBNodePortControl", Stage::Gone),
    ("ServiceLoadBalancerClass", Stage::Gone),
    ("ServiceLoadBalancerFinalizer", Stage::Gone),
    ("ServiceNodeExclusion", Stage::Gone),
    ("ServiceNodePortStaticSubrange", Stage::Gone),
    ("ServiceTopology", Stage::Gone),
    ("SupportIPVSProxyMode", Stage::Gone),
    ("SupportNodePidsLimit", Stage::Gone),
    ("SupportPodPidsLimit", Stage::Gone),
    ("Sysctls", Stage::Gone),
    ("WindowsEndpointSliceProxying", Stage::Gone),
    ("WindowsGMSA", Stage::Gone),
    ("WindowsHostProcessContainers", Stage::Gone),
    ("WindowsRunAsUserName", Stage::Gone),
];

/// Gates of other parts of Kubernetes that are locked to on.
const LOCKED_OF_OTHERS: &str = "\
    APIServerTracing AnonymousAuthConfigurableEndpoints AnyVolumeDataSource AuthorizeNodeWithSelectors \
    AuthorizeWithSelectors BtreeWatchCache CPUManager CRDValidationRatcheting CSIMigrationPortworx ComponentSLIs \
    ConsistentListFromCache CronJobsScheduledAnnotation CustomResourceFieldSelectors DevicePluginCDIDevices ElasticIndexedJob \
    HonorPVReclaimPolicy JobBackoffLimitPerIndex JobPodReplacementPolicy JobSuccessPolicy LogarithmicScaleDown MemoryManager \
    NodeInclusionPolicyInPodTopologySpread PersistentVolumeLastPhaseTransitionTime PodDisruptionConditions PodIndexLabel \
    PodLifecycleSleepAction PodLifecycleSleepActionAllowZero PodSchedulingReadiness RecoverVolumeExpansionFailure \
    RecursiveReadOnlyMounts RelaxedDNSSearchValidation RelaxedEnvironmentVariableValidation ResilientWatchCacheInitialization \
    RetryGenerateName ServiceAccountTokenJTI ServiceAccountTokenNodeBinding ServiceAccountTokenNodeBindingValidation \
    ServiceAccountTokenPodNodeInfo SidecarContainers SizeMemoryBackedVolumes StatefulSetAutoDeletePVC StatefulSetStartOrdinal \
    StreamingCollectionEncodingToJSON StreamingCollectionEncodingToProtobuf StrictCostEnforcementForVAP \
    StrictCostEnforcementForWebhooks StructuredAuthenticationConfiguration StructuredAuthorizationConfiguration";

/// Other gates of other parts of Kubernetes.
const OF_OTHERS: &str = "\
    APIResponseCompression APIServerIdentity APIServingWithRoutine AllowDNSOnlyNodeCSR \
    AllowInsecureKubeletCertificateSigningRequests AllowOverwriteTerminationGracePeriodSeconds AllowParsingUserUIDFromCertAuth \
    AllowServiceLBStatusOnNonLB AllowUnsafeMalformedObjectDeletion AggregatedDiscoveryRemoveBetaType AppArmor AppArmorFields \
    AuthorizePodWebsocketUpgradeCreatePermission CBORServingAndStorage CPUCFSQuotaPeriod CPUManagerPolicyAlphaOptions \
    CPUManagerPolicyBetaOptions CPUManagerPolicyOptions CSIServiceAccountTokenSecrets CSIVolumeHealth \
    ChangeContainerStatusOnKubeletRestart ClearingNominatedNodeNameAfterBinding CloudControllerManagerWatchBasedRoutesReconciliation \
    CloudControllerManagerWebhook ClusterTrustBundle ClusterTrustBundleProjection ConcurrentWatchObjectDecode \
    ConstrainedImpersonation ContainerCheckpoint ContainerRestartRules ContainerStopSignals CoordinatedLeaderElection \
    CrossNamespaceVolumeDataSource CustomCPUCFSQuotaPeriod DRAAdminAccess DRAConsumableCapacity DRADeviceBindingConditions \
    DRADeviceTaintRules DRADeviceTaints DRAExtendedResource DRAPartitionableDevices DRAPrioritizedList DRAResourceClaimDeviceStatus \
    DRASchedulerFilterTimeout DeclarativeValidation DeclarativeValidationTakeover DeploymentPodReplacementPolicy \
    DeploymentReplicaSetTerminatingReplicas DetectCacheInconsistency DisableAllocatorDualWrite DisableCPUQuotaWithExclusiveCPUs \
    DisableNodeKubeProxyVersion DynamicResourceAllocation EnvFiles EventedPLEG ExecProbeTimeout ExternalServiceAccountTokenSigner \
    GangScheduling GenericWorkload GracefulNodeShutdown GracefulNodeShutdownBasedOnPodPriority HPAConfigurableTolerance \
    HPAScaleToZero HostnameOverride ImageMaximumGCAge ImageVolume ImageVolumeWithDigest InOrderInformers \
    InPlacePodLevelResourcesVerticalScaling InPlacePodVerticalScaling InPlacePodVerticalScalingAllocatedStatus \
    InPlacePodVerticalScalingExclusiveCPUs InPlacePodVerticalScalingExclusiveMemory InTreePluginPortworxUnregister InformerResourceVersion \
    JobManagedBy KMSv1 KMSv2 KubeletCgroupDriverFromCRI KubeletCrashLoopBackOffMax KubeletEnsureSecretPulledImages \
    KubeletFineGrainedAuthz KubeletInUserNamespace KubeletPSI KubeletPodResourcesDynamicResources KubeletPodResourcesGet \
    KubeletPodResourcesListUseActivePods KubeletRegistrationGetOnExistsOnly KubeletSeparateDiskGC \
    KubeletServiceAccountTokenForCredentialProviders KubeletTracing LegacySidecarContainers ListFromCacheSnapshot \
    LocalStorageCapacityIsolation LocalStorageCapacityIsolationFSQuotaMonitoring MatchLabelKeysInPodAffinity \
    MatchLabelKeysInPodTopologySpread MatchLabelKeysInPodTopologySpreadSelectorMerge MaxUnavailableStatefulSet MemoryQoS \
    MultiCIDRServiceAllocator MutableCSINodeAllocatableCount MutablePVNodeAffinity MutablePodResourcesForSuspendedJobs \
    MutatingAdmissionPolicy NodeDeclaredFeatures NodeLogQuery NodeSwap NominatedNodeNameForExpectation OpenAPIEnums \
    OpportunisticBatching OrderedNamespaceDeletion PodAndContainerStatsFromCRI PodCertificateRequest PodDeletionCost \
    PodLevelResources PodLogsQuerySplitStreams PodObservedGenerationTracking PodReadyToStartContainersCondition \
    PodTopologyLabelsAdmission PortForwardWebsockets PreventStaticPodAPIReferences ProcMountType QOSReserved \
    ReduceDefaultCrashLoopBackOffDecay RelaxedServiceNameValidation ReloadKubeletServerCertificateFile RemoteRequestHeaderUID \
    ResourceHealthStatus RestartAllContainersOnContainerExits RotateKubeletServerCertificate RuntimeClassInImageCriAPI \
    SELinuxChangePolicy SELinuxMount SELinuxMountReadWriteOncePod SchedulerAsyncAPICalls SchedulerAsyncPreemption \
    SchedulerPopFromBackoffQ SchedulerQueueingHints SeparateCacheWatchRPC SeparateTaintEvictionController \
    ServiceAccountNodeAudienceRestriction SizeBasedListCostEstimate StorageCapacityScoring StorageNamespaceIndex StorageVersionAPI \
    StorageVersionHash StorageVersionMigrator StrictIPCIDRValidation SupplementalGroupsPolicy SystemdWatchdog TaintTolerationComparisonOperators \
    TokenRequestServiceAccountUIDValidation TopologyManagerPolicyAlphaOptions TopologyManagerPolicyBetaOptions TopologyManagerPolicyOptions \
    TranslateStreamCloseWebsocketRequests UnauthenticatedHTTP2DOSMitigation UnknownVersionInteroperabilityProxy \
    UserNamespacesHostNetworkSupport UserNamespacesPodSecurityStandards UserNamespacesSupport VolumeAttributesClass \
    VolumeCapacityPriority VolumeLimitScaling WatchCacheInitializationPostStartHook WatchFromStorageWithoutResourceVersion WatchList \
    WindowsCPUAndMemoryAffinity WindowsGracefulNodeShutdown WindowsHostNetwork";

fn stage(name: &str) -> Option<Stage> {
    let of_proxies = OF_PROXIES.iter().find(|(known, _)| *known == name).map(|(_, stage)| *stage);
    let has = |names: &str| names.split_whitespace().any(|known| known == name);
    of_proxies.or_else(|| has(LOCKED_OF_OTHERS).then_some(Stage::Locked)).or_else(|| {
        // Whether one of these is alpha or beta is nothing to a proxy.
        has(OF_OTHERS).then_some(Stage::Beta)
    })
}

/// Checks gates. Returns what is to be said of those that are set.
///
/// # Errors
/// Of the first that kube-proxy would not take: its name, and why.
pub(super) fn check(
    gates: &BTreeMap<String, bool>,
) -> Result<Vec<(String, String)>, (String, String)> {
    let mut said = Vec::new();
    for (name, on) in gates {
        let what = match stage(name) {
            None => {
                let why = "Kubernetes has no such feature gate: leave it out";
                return Err((name.clone(), why.to_owned()));
            }
            Some(Stage::Locked) if !on => {
                let why = "is locked to true and cannot be set to false: leave it out";
                return Err((name.clone(), why.to_owned()));
            }
            Some(Stage::Locked) => "is general and on for good: it can be left out",
            Some(Stage::Gone) => {
                "Kubernetes has it no more, and kube-proxy would refuse it: passed over"
            }
            Some(Stage::Alpha | Stage::Beta) => "changes nothing here",
        };
        said.push((name.clone(), what.to_owned()));
    }
    Ok(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Vec<String>, String> {
        let gates = text.split(',').filter_map(|part| part.split_once('='));
        let gates = gates.map(|(name, on)| (name.to_owned(), on == "true")).collect();
        let said = check(&gates).map_err(|(name, why)| format!("{name} {why}"))?;
        Ok(said.into_iter().map(|(name, what)| format!("{name} {what}")).collect())
    }

    #[test]
    fn locked_gates_are_on_and_cannot_be_off() {
        for name in ["WinDSR", "WinOverlay", "NFTablesProxyMode", "SidecarContainers"] {
            let said = of(&format!("{name}=true")).unwrap();
            assert_eq!(said, [format!("{name} is general and on for good: it can be left out")]);
            let why = of(&format!("{name}=false")).unwrap_err();
            assert!(why.starts_with(&format!("{name} is locked to true")), "{why}");
        }
    }

    #[test]
    fn what_nobody_knows_is_refused_and_what_is_gone_is_passed_over() {
        assert!(of("WinDsr=true").unwrap_err().contains("no such feature gate"));
        assert!(
            of("IPv6DualStack=true,AllAlpha=true,AllBeta=false,NodeSwap=true").unwrap().len() == 4
        );
        assert!(of("EndpointSliceProxying=false").unwrap()[0].contains("has it no more"));
        assert_eq!(of(""), Ok(Vec::new()));
    }

    #[test]
    fn each_gate_is_named_once() {
        let names = OF_PROXIES.iter().map(|(name, _)| *name);
        let names =
            names.chain(LOCKED_OF_OTHERS.split_whitespace()).chain(OF_OTHERS.split_whitespace());
        let mut names: Vec<_> = names.collect();
        names.sort_unstable();
        let twice: Vec<_> = names.windows(2).filter(|pair| pair[0] == pair[1]).collect();
        assert!(twice.is_empty(), "{twice:?}");
    }
}
