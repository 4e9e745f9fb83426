"""What a person can choose. Edits a Settings value; saving and applying it is not its affair."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from pathlib import Path

from PySide6.QtCore import QEvent, QObject, QSize, Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFileDialog,
    QFormLayout,
    QScrollArea,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from desktop.country_box import CountryBox
from desktop.flow_layout import FlowLayout, WrappingCheckBox
from desktop.parts import ScrollArea, button, paragraph
from desktop.read_ahead import ReadAheadChoice
from desktop.theme import LARGEST_TEXT, SMALLEST_TEXT, TEXT_STEP, ThemeChoice
from theragen_core.protocol import TemplateChoice
from theragen_core.resources import text
from theragen_core.settings import Settings

# One step below what can be chosen stands for "automatic", as a spin box shows it.
AUTOMATIC_TEMPERATURE, TEMPERATURE_STEP, HOTTEST = -0.05, 0.05, 1.5
AUTOMATIC_TOKENS, TOKEN_STEP, MOST_TOKENS = 0, 32, 2048


class SettingsDialog(QDialog):
    """Theme and text size are shown at once; Cancel tells their former values again."""

    applied = Signal(Settings)
    theme_previewed = Signal(str)
    text_size_previewed = Signal(int)
    cloud_requested = Signal()  # after what was edited here is saved
    models_requested = Signal()  # likewise

    def __init__(
        self,
        settings: Settings,
        countries: tuple[tuple[str, str], ...],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._settings = settings
        self._model = settings.model
        self.setWindowTitle(text("window.settings_title"))
        self._make_model_fields()
        self._make_cloud_fields()
        self._make_reply_fields()
        self._make_person_fields(countries)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(16)
        self._form = QWidget()
        self._form.setLayout(self._make_form())
        self._buttons = self._make_buttons()
        column.addWidget(self._make_scroll(), 1)
        column.addWidget(self._buttons)
        self.rejected.connect(self._on_rejected)
        self.resize(self.sizeHint())
        self._form.installEventFilter(self)

    # Fields ------------------------------------------------------------------------------------

    def _make_model_fields(self) -> None:
        self.model_name = paragraph("")
        self.choose = button("window.settings_choose")
        self.choose.setAccessibleName(text("window.settings_choose_name"))
        self.choose.clicked.connect(self._on_choose)
        self.use_starter = button("window.settings_use_starter")
        self.use_starter.clicked.connect(self._on_use_starter)
        self.models = button("window.settings_models")
        self.models.setAccessibleName(text("window.settings_models_name"))
        self.models.clicked.connect(self._on_models)
        self.template = _choice("settings_template", TemplateChoice, self._settings.template)
        self._show_model()

    def _make_cloud_fields(self) -> None:
        now = self._settings
        in_cloud = now.use_replicate and bool(now.hosted)
        words = text("cloud.settings_local")
        if in_cloud:
            words = text("cloud.settings_cloud", name=now.hosted)
        self.source = paragraph(words)
        self.cloud = button("cloud.settings_open")
        self.cloud.setAccessibleName(text("cloud.settings_open_name"))
        self.cloud.clicked.connect(self._on_cloud)

    def _make_reply_fields(self) -> None:
        automatic = text("window.settings_automatic")
        self.temperature = QDoubleSpinBox()
        self.temperature.setRange(AUTOMATIC_TEMPERATURE, HOTTEST)
        self.temperature.setSingleStep(TEMPERATURE_STEP)
        self.temperature.setSpecialValueText(automatic)
        self.temperature.setValue(self._settings.temperature)
        self.tokens = QSpinBox()
        self.tokens.setRange(AUTOMATIC_TOKENS, MOST_TOKENS)
        self.tokens.setSingleStep(TOKEN_STEP)
        self.tokens.setSpecialValueText(automatic)
        self.tokens.setSuffix(text("window.settings_tokens"))
        self.tokens.setValue(self._settings.max_tokens)

        self.read_ahead = _choice("settings_read_ahead", ReadAheadChoice, self._settings.read_ahead)

    def _make_person_fields(self, countries: tuple[tuple[str, str], ...]) -> None:
        self.country = CountryBox()
        self.country.addItem(text("window.settings_country_automatic"), "")
        for code, name in countries:
            self.country.addItem(name, code)
        self.country.setCurrentIndex(max(0, self.country.findData(self._settings.country)))
        self.theme = _choice("settings_theme", ThemeChoice, self._settings.theme)
        self.theme.currentIndexChanged.connect(self._on_theme)
        self.text_size = QSpinBox()
        self.text_size.setRange(SMALLEST_TEXT, LARGEST_TEXT)
        self.text_size.setSingleStep(TEXT_STEP)
        self.text_size.setSuffix(text("window.settings_percent"))
        self.text_size.setValue(self._settings.text_size)
        self.text_size.valueChanged.connect(self.text_size_previewed)
        self.stats = WrappingCheckBox(text("window.settings_stats"))
        self.stats.setChecked(self._settings.show_stats)
        self.warnings = WrappingCheckBox(text("window.settings_warnings"))
        self.warnings.setChecked(self._settings.trigger_warnings)

    def _make_form(self) -> QFormLayout:
        form = QFormLayout()
        form.setVerticalSpacing(12)
        form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        model = QVBoxLayout()
        model.setSpacing(8)
        model.addWidget(self.model_name)
        files = FlowLayout()
        files.addWidget(self.models)
        files.addWidget(self.choose)
        files.addWidget(self.use_starter)
        model.addLayout(files)
        source = QVBoxLayout()
        source.setSpacing(8)
        source.addWidget(self.source)
        source.addWidget(self.cloud, 0, Qt.AlignmentFlag.AlignLeft)
        form.addRow(text("cloud.settings"), source)
        form.addRow(text("window.settings_model"), model)
        for key, field in (
            ("template", self.template),
            ("temperature", self.temperature),
            ("length", self.tokens),
            ("read_ahead", self.read_ahead),
            ("country", self.country),
            ("theme", self.theme),
            ("text_size", self.text_size),
        ):
            label = text(f"window.settings_{key}")
            field.setAccessibleName(label)
            form.addRow(label, field)
        self._level_fields()
        form.addRow(self.warnings)
        form.addRow(self.stats)
        return form

    def _level_fields(self) -> None:
        """Spin boxes are lower than boxes to choose from; side by side they are of one height."""
        height = self.template.sizeHint().height()
        fields: tuple[QWidget, ...] = (self.template, self.temperature, self.tokens)
        for field in (*fields, self.country, self.theme, self.text_size):
            field.setMinimumHeight(height)

    def _make_scroll(self) -> QScrollArea:
        """Large text may need more room than a screen has."""
        scroll = ScrollArea()
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(self._form)
        return scroll

    def sizeHint(self) -> QSize:
        """Room for every line of the form, where the screen has it."""
        column, form = self.layout(), self._form.layout()
        assert column is not None
        assert form is not None
        margins = column.contentsMargins()
        inner = max(form.sizeHint().width(), self._buttons.sizeHint().width())
        high = (
            form.totalHeightForWidth(inner) + column.spacing() + self._buttons.sizeHint().height()
        )
        wanted = QSize(inner, high).grownBy(margins)
        return wanted.boundedTo(self.screen().availableSize() * 0.9)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Text that became larger makes the dialog larger too."""
        if event.type() is QEvent.Type.LayoutRequest:
            self._level_fields()
            self.resize(self.size().expandedTo(self.sizeHint()))
        return super().eventFilter(watched, event)

    def _make_buttons(self) -> QDialogButtonBox:
        box = QDialogButtonBox()
        self.save = button("window.settings_save", primary=True)
        self.save.setDefault(True)
        self.cancel = button("window.settings_cancel")
        box.addButton(self.save, QDialogButtonBox.ButtonRole.AcceptRole)
        box.addButton(self.cancel, QDialogButtonBox.ButtonRole.RejectRole)
        box.accepted.connect(self._on_accepted)
        box.rejected.connect(self.reject)
        return box

    # Values ------------------------------------------------------------------------------------

    def settings(self) -> Settings:
        """The choices as they stand."""
        temperature = round(self.temperature.value(), 2)
        return replace(
            self._settings,
            model=self._model,
            template=self.template.currentData(),
            temperature=-1.0 if temperature < 0 else temperature,
            max_tokens=self.tokens.value(),
            read_ahead=self.read_ahead.currentData(),
            country=self.country.currentData(),
            theme=self.theme.currentData(),
            text_size=self.text_size.value(),
            show_stats=self.stats.isChecked(),
            trigger_warnings=self.warnings.isChecked(),
        )

    def set_model(self, path: str) -> None:
        """A GGUF file; empty: the starter model."""
        self._model = path
        self._show_model()

    def _show_model(self) -> None:
        name = Path(self._model).name or text("window.settings_starter")
        self.model_name.setText(name)
        self.model_name.setToolTip(self._model)
        self.use_starter.setEnabled(bool(self._model))

    # What happened -----------------------------------------------------------------------------

    def _on_choose(self) -> None:
        folder = str(Path(self._model).parent) if self._model else str(Path.home())
        title, files = text("window.settings_choose_name"), text("window.settings_files")
        # The system's own dialog: Qt's would write the visited folders to a file.
        path, _kind = QFileDialog.getOpenFileName(self, title, folder, files)
        if path:
            self.set_model(path)

    def _on_cloud(self) -> None:
        self._on_accepted()
        self.cloud_requested.emit()

    def _on_models(self) -> None:
        self._on_accepted()
        self.models_requested.emit()

    def _on_use_starter(self) -> None:
        self.set_model("")

    def _on_theme(self) -> None:
        self.theme_previewed.emit(self.theme.currentData())

    def _on_accepted(self) -> None:
        self.accept()
        self.applied.emit(self.settings())

    def _on_rejected(self) -> None:
        self.theme_previewed.emit(self._settings.theme)
        self.text_size_previewed.emit(self._settings.text_size)


def _choice(prefix: str, kinds: type[StrEnum], chosen: str) -> QComboBox:
    box = QComboBox()
    for kind in kinds:
        box.addItem(text(f"window.{prefix}_{kind.value}"), kind.value)
    box.setCurrentIndex(max(0, box.findData(chosen)))
    return box
