// Who describes a stage reads its keys with `Fields`: that reader comes with this module.
@_exported public import Documents
