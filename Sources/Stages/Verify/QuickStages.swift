import Runs

// Stages whose artifacts are cheap functions of their inputs: to check them is to make them again.

extension SynthesizeStage: QuickStage {}
extension TokenizerStage: QuickStage {}
extension AUPStage: QuickStage {}
extension ReplicatesStage: QuickStage {}
