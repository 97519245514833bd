"""What the guard's codes mean, in French and English: for whoever stands before the device."""

from __future__ import annotations

FAULTS: dict[str, tuple[str, str]] = {
    "update.settings": (
        "Réglages du gardien illisibles. Relancez le provisionnement de cet appareil.",
        "The guard's settings cannot be read. Provision this device again.",
    ),
    "update.no_release": (
        "Aucune version de Borne à cet endroit. Vérifiez le chemin ou la clé USB.",
        "No release of Borne here. Check the path or the USB stick.",
    ),
    "update.unreadable": (
        "Le support se lit mal. Essayez une autre clé USB ou un autre port.",
        "The medium cannot be read through. Try another USB stick or port.",
    ),
    "update.format": (
        "Cette version est d’un format que ce gardien ne connaît pas. Relancez d’abord le provisionnement.",
        "This release has a format that this guard does not know. Provision the device first.",
    ),
    "update.manifest": (
        "La liste de cette version est abîmée. Copiez-la de nouveau.",
        "The release's list is damaged. Copy the release again.",
    ),
    "update.version": ("Numéro de version illisible.", "The version number cannot be read."),
    "update.keys": (
        "Le document des clés n’est pas signé par la racine de ce pays. N’installez pas cette version ; prévenez la "
        "division informatique.",
        "The keys document is not signed by this country's root. Do not install this release; tell the IT division.",
    ),
    "update.keys_old": (
        "Document des clés plus ancien que celui déjà accepté. Demandez une version signée récemment.",
        "The keys document is older than one already believed. Ask for a release signed lately.",
    ),
    "update.key_unknown": (
        "Cette version est signée par une clé qui n’en a pas le droit. Ne l’installez pas ; prévenez la division "
        "informatique.",
        "This release is signed by a key that may not do so. Do not install it; tell the IT division.",
    ),
    "update.key_time": (
        "La clé qui signe cette version n’était pas valable à sa date. Demandez une version signée récemment.",
        "The key that signs this release was not valid at its date. Ask for a release signed lately.",
    ),
    "update.signature": (
        "Signature fausse : cette version a été modifiée. Ne l’installez pas ; prévenez la division informatique.",
        "Wrong signature: this release has been altered. Do not install it; tell the IT division.",
    ),
    "update.damaged": (
        "Un fichier de cette version n’est pas celui qui a été signé. Copiez-la de nouveau.",
        "A file of this release is not the one that was signed. Copy the release again.",
    ),
    "update.missing": (
        "Un fichier manque, et l’appareil ne l’a pas déjà. Copiez la version entière.",
        "A file is missing, and the device does not have it. Copy the whole release.",
    ),
    "update.role": (
        "Cette version est faite pour un autre type d’appareil.",
        "This release is made for another kind of device.",
    ),
    "update.machine": (
        "Cette version est faite pour un autre processeur.",
        "This release is made for another processor.",
    ),
    "update.python": (
        "Cette version attend un autre Python que celui de cet appareil.",
        "This release expects another Python than this device has.",
    ),
    "update.older": (
        "Version plus ancienne que celle en service. Pour l’installer quand même : --older --by NOM (consigné).",
        "Older than the release in use. To install it all the same: --older --by NAME; it is recorded.",
    ),
    "update.store": (
        "Cette version est trop ancienne pour la base de données de cet appareil. Choisissez-en une plus récente.",
        "This release is too old for this device's database. Choose a newer one.",
    ),
    "update.same_version": (
        "Une autre version porte déjà ce numéro ici. Prévenez ceux qui l’ont faite.",
        "Another release already has this number here. Tell those who built it.",
    ),
    "update.full": (
        "Pas assez de place : rien n’a été installé, l’appareil continue. Libérez de la place, puis recommencez.",
        "Not enough room: nothing was installed, the device goes on. Make room, then try again.",
    ),
    "update.disk": (
        "Le disque refuse. Rien n’a changé ; vérifiez le disque.",
        "The disk refuses. Nothing has changed; check the disk.",
    ),
    "update.pip": (
        "Le paquet python3-venv manque. Relancez le provisionnement de cet appareil.",
        "The package python3-venv is missing. Provision this device again.",
    ),
    "update.openssl": (
        "Le programme openssl manque. Relancez le provisionnement de cet appareil.",
        "The program openssl is missing. Provision this device again.",
    ),
    "update.build": (
        "L’environnement de cette version ne se construit pas. Rien n’a changé ; prévenez ceux qui l’ont faite.",
        "This release's environment cannot be built. Nothing has changed; tell those who built it.",
    ),
    "update.broken": (
        "Cette version ne démarre pas. Rien n’a changé ; prévenez ceux qui l’ont faite.",
        "This release does not start. Nothing has changed; tell those who built it.",
    ),
    "update.busy": (
        "Une autre mise à jour est en cours. Attendez qu’elle finisse.",
        "Another update is under way. Wait until it is over.",
    ),
    "update.unconfirmed": (
        "La version en service n’est pas encore confirmée. Attendez, ou lancez « guard confirm ».",
        "The release in use is not confirmed yet. Wait, or run “guard confirm”.",
    ),
    "update.not_staged": (
        "Cette version n’est pas prête ici. Préparez-la d’abord : borne update stage.",
        "This release is not ready here. Stage it first: borne update stage.",
    ),
    "update.taken_back": (
        "Cette version a déjà été retirée ici. Pour la réessayer : --again.",
        "This release was taken back here before. To try it again: --again.",
    ),
    "update.by": ("Dites qui le demande : --by NOM.", "Say who asks for it: --by NAME."),
    "update.nothing_before": (
        "Il n’y a pas de version précédente à laquelle revenir.",
        "There is no release before this one to go back to.",
    ),
    "update.no_release_here": (
        "Aucune version entière sur cet appareil. Installez-en une depuis une clé USB.",
        "No whole release on this device. Install one from a USB stick.",
    ),
}

REASONS: dict[str, tuple[str, str]] = {
    "unit": ("un service ne tourne pas", "a service does not run"),
    "no_answer": ("l’agent ne répond pas", "the agent does not answer"),
    "other_version": ("une autre version répond", "another version answers"),
    "not_ready": ("les décodeurs ne démarrent pas", "the decoders do not start"),
    "journal": ("rien ne s’écrit dans le journal", "nothing is written to the journal"),
    "device": ("un lecteur ou une caméra ne répond plus", "a reader or a camera no longer answers"),
    "restart": ("le service ne redémarre pas", "the service does not restart"),
    "interrupted": ("coupure pendant le changement", "the power went during the switch"),
    "not_confirmed": ("jamais confirmée après deux démarrages", "never confirmed after two starts"),
    "operator": ("à la demande de quelqu’un", "somebody asked for it"),
}

PHASES: dict[str, tuple[str, str]] = {
    "idle": ("aucune mise à jour en cours", "no update under way"),
    "staged": ("version {target} prête", "release {target} is ready"),
    "switched": ("version {target} en service, pas encore confirmée", "release {target} in use, not confirmed yet"),
    "confirmed": ("version {target} en service, confirmée", "release {target} in use, confirmed"),
    "rolled_back": (
        "version {target} retirée, retour à {previous}",
        "release {target} taken back, {previous} runs again",
    ),
}


def words(code: str) -> dict[str, str]:
    """A fault's words."""
    french, english = FAULTS[code]
    return {"fr": french, "en": english}


def told(phase: str, target: str, previous: str, reason: str) -> dict[str, str]:
    """A state's words."""
    texts = [text.format(target=target, previous=previous) for text in PHASES[phase]]
    if phase == "rolled_back" and reason in REASONS:
        texts = [f"{text} ({why})" for text, why in zip(texts, REASONS[reason], strict=True)]
    return dict(zip(("fr", "en"), texts, strict=True))
