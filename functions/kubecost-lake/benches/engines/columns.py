"""The columns that the engines write: those of the table's first ones that a response has."""

NUMBERS = """minutes cpuCores cpuCoreRequestAverage cpuCoreUsageAverage cpuCoreHours cpuCost cpuCostAdjustment cpuEfficiency gpuCount gpuHours
gpuCost gpuCostAdjustment networkTransferBytes networkReceiveBytes networkCost networkCrossZoneCost networkCrossRegionCost networkInternetCost
networkCostAdjustment loadBalancerCost loadBalancerCostAdjustment pvBytes pvByteHours pvCost pvCostAdjustment ramBytes ramByteRequestAverage
ramByteUsageAverage ramByteHours ramCost ramCostAdjustment ramEfficiency sharedCost externalCost totalCost totalEfficiency""".split()
PROPERTIES = "cluster container namespace pod node controller controllerKind providerID".split()
