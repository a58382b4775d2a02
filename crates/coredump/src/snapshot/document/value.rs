//! Variables and their attributes.

use schemars::JsonSchema;
use serde::Serialize;

use crate::address::Address;
use crate::runtime::code::VariableKind;

/// A variable of a frame.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct VariableSection {
    /// Its name.
    pub name: String,
    /// How it is bound.
    pub kind: VariableKind,
    /// Type with module.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_name: Option<String>,
    /// How the type is known, when its own memory is lost: `inferred-type`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found_by: Option<&'static str>,
    /// What `repr()` would print; raw, to be redacted by whoever shows it.
    pub repr: String,
    /// The text is shorter than what `repr()` would print.
    pub truncated: bool,
    /// The object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    /// Attributes of an instance.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<AttributeSection>,
}

/// An attribute of an instance.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct AttributeSection {
    /// Its name.
    pub name: String,
    /// Type with module.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_name: Option<String>,
    /// What `repr()` would print.
    pub repr: String,
}

/// A name with what it stands for.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct NamedValueSection {
    /// The name.
    pub name: String,
    /// What `repr()` would print; raw, to be redacted by whoever shows it.
    pub repr: String,
}
